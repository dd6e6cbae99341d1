// op_rig.h — runs Steps side by side: on the reference, on the device, and on the device with a
// GPU's kernels and unmapped memory. Says what came out; judges only what no op may do.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/executor.h"
#include "runtime/kernel_check/op_case.h"
#include "runtime/vk/instance.h"

namespace m2w::op_check {

enum class Side : uint8_t { reference, device, gpu, count };
constexpr size_t kSides = size_t(Side::count);
const char* side_name(Side side);

struct RigOptions {
    CacheType cache = CacheType::f16;
    uint32_t n_ctx = 0;  // positions of the caches
    uint64_t max_piece_bytes = 0;
    uint32_t n_batch = 0;  // most tokens of one batch; 0: executors are made anew for each batch,
                           // just large enough, so that values lie back to back
    std::string device = "auto";  // as EngineOptions::device
    bool validation = false;
    bool gpu_side = false;  // without it Side::gpu is left out
    /// For tests of what follows from a fault: changes an output that the device wrote.
    std::function<void(const StepCase&, std::string_view binding, std::span<float>)> spoil{};
};

/// The Steps as one Plan, in which each has values, weights and caches of its own. An attend gets a
/// kv_store in front of it, with inputs "k" and "v".
class OpRig {
  public:
    /// Makes weights and backends. Errors: those of the backends; no_device without a Vulkan
    /// driver.
    static Result<std::unique_ptr<OpRig>> create(std::span<const StepCase> steps,
                                                 const RigOptions& options);
    ~OpRig();

    /// Writes the inputs and NaN into the outputs, runs the batch on all sides, and reads outputs
    /// and caches.
    Result<void> run(const BatchCase& batch);

    /// An output of the last batch: values f32 [rows][width], caches f32 [n_ctx][width].
    const std::vector<float>& output(Side side, size_t step, std::string_view binding) const;
    /// A cache before the last batch, of the Steps that are kv_store.
    const std::vector<float>& before(Side side, size_t step, std::string_view binding) const;

    /// The kernel that the device runs a Step with in the last batch.
    std::string kernel(size_t step) const;
    vk::DeviceInfo device() const;

    /// What went wrong in the last batch whatever the op: an input or logits that changed, a
    /// message of the validation layer. Empty when nothing did.
    std::vector<std::string> violations() const;

  private:
    struct Impl;
    explicit OpRig(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace m2w::op_check
