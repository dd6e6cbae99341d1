// engine.h — a model with its weights on a device, ready for sessions. Knows no text.
#pragma once
#include <memory>
#include <string>

#include "runtime/executor.h"
#include "runtime/model/model.h"

namespace m2w {

struct EngineOptions {
    /// "auto" (discrete, integrated, virtual, then CPU devices of Vulkan), an index or a part of a
    /// name from `m2w devices`, or "ref" for the reference on the CPU.
    std::string device = "auto";
    /// Sessions that will be opened: what the memory check counts. n_ctx 0 means the default of
    /// SessionOptions.
    uint32_t n_ctx = 0;
    CacheType cache = CacheType::f16;
    /// Do not wait for the weights: create returns as soon as there is memory for them, a thread of
    /// the engine brings them in the order of use, and eval runs each layer as soon as it is there.
    /// For weights that come over a network. Errors of loading then come out of eval and
    /// Backend::loaded. Without effect on the reference, which reads weights when it needs them.
    bool start_early = false;
    /// Vulkan validation layers (also M2W_VALIDATION=1).
    bool validation = false;
    /// Largest piece of one weight matrix in bytes; 0: what the device allows. For tests of split
    /// matrices.
    uint64_t max_piece_bytes = 0;
    /// Called from the thread that loads after each piece of weights.
    ProgressFn progress;
};

/// Immutable: weights on a device. Make it once and share it between sessions and threads.
class Engine {
  public:
    /// Checks memory, then loads the weights. Errors: no_device, unsupported (a shape that the
    /// device's kernels do not take), out_of_memory (with the context that would fit), io,
    /// nan_scale (weights that are not finite), device_lost.
    static Result<std::shared_ptr<const Engine>> create(std::shared_ptr<const Model> model,
                                                        const EngineOptions& options);

    const Model& model() const { return *model_; }
    const Backend& backend() const { return *backend_; }

  private:
    static Result<std::shared_ptr<const Engine>> make(std::shared_ptr<const Model> model,
                                                      const EngineOptions& options);

    std::shared_ptr<const Model> model_;
    std::unique_ptr<Backend> backend_;
};

}  // namespace m2w
