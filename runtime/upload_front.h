// upload_front.h — which tensors of a Plan have arrived on a device: loading goes on in one thread
// while others run what is there. Moves no bytes.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "gguf/result.h"

namespace m2w {

/// Thread-safe. Tensors arrive in any order, each once; after a failure none will.
class UploadFront {
  public:
    explicit UploadFront(size_t n_tensors) : arrived_(n_tensors), complete_(n_tensors == 0) {}

    void arrive(size_t tensor);
    void fail(Error error);

    /// True once every tensor is there. Cheap: asked before each batch.
    bool complete() const { return complete_.load(std::memory_order_acquire); }
    bool has(size_t tensor) const;
    /// Blocks until the tensor is there. Errors: the failure, which wakes all who wait.
    Result<void> wait(size_t tensor) const;
    /// Blocks until all are. Errors: as wait.
    Result<void> wait_all() const;

  private:
    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<bool> arrived_;
    size_t n_arrived_ = 0;
    std::optional<Error> failure_;
    std::atomic<bool> complete_;
};

}  // namespace m2w
