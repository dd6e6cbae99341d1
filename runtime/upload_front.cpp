// upload_front.cpp — one lock, one condition.
#include "runtime/upload_front.h"

#include <utility>

namespace m2w {

void UploadFront::arrive(size_t tensor) {
    const std::lock_guard lock(mutex_);
    M2W_ASSERT(!arrived_.at(tensor));
    arrived_[tensor] = true;
    if (++n_arrived_ == arrived_.size()) complete_.store(true, std::memory_order_release);
    changed_.notify_all();
}

void UploadFront::fail(Error error) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error);
    changed_.notify_all();
}

bool UploadFront::has(size_t tensor) const {
    const std::lock_guard lock(mutex_);
    return arrived_.at(tensor);
}

Result<void> UploadFront::wait(size_t tensor) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return arrived_.at(tensor) || failure_; });
    if (!arrived_[tensor]) return *failure_;
    return {};
}

Result<void> UploadFront::wait_all() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return n_arrived_ == arrived_.size() || failure_; });
    if (failure_) return *failure_;
    return {};
}

}  // namespace m2w
