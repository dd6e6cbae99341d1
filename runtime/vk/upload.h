// upload.h — moves bytes between the host and device memory: directly where it is mapped, else
// through a small double-buffered ring. Reads no files, repacks nothing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/commands.h"
#include "runtime/vk/device.h"

namespace m2w::vk {

struct UploadOptions {
    /// Both halves together. 0: 32 MiB, on a CPU device 8 MiB.
    uint64_t ring_bytes = 0;
};

/// One thread at a time. The ring is made at the first need: with mapped memory it never is.
class Uploader {
  public:
    explicit Uploader(Device& device, const UploadOptions& options = {});
    Uploader(const Uploader&) = delete;
    Uploader& operator=(const Uploader&) = delete;

    /// The most that one stage() call may ask for, all its targets together.
    uint64_t max_stage_bytes() const { return half_bytes_; }
    /// Memory for the content of `to`, which arrives there by the next flush() at the latest.
    /// Fill it before the next call on this object. The target must not be in use by the device.
    /// Errors: device_lost, out_of_memory, resource_limit (wait).
    Result<std::span<std::byte>> stage(Slice to);
    /// The same for several targets at once (planes of one tensor): out[i] belongs to targets[i].
    Result<void> stage(std::span<const Slice> targets, std::span<std::span<std::byte>> out);
    /// Copies any number of bytes. bytes.size() == to.size_bytes.
    Result<void> write(Slice to, std::span<const std::byte> bytes);
    /// Waits until everything staged has arrived; shaders of later submissions see it without a
    /// barrier.
    Result<void> flush();

  private:
    struct Half {
        Buffer memory;
        Commands commands;
        std::vector<std::pair<Slice, Slice>> copies;  // from, to: recorded at submission
        uint64_t used_bytes = 0;
    };
    Result<void> make_ring();
    Result<void> submit_half();

    Device& device_;
    uint64_t half_bytes_ = 0;
    std::vector<Half> halves_;  // none or two
    size_t current_ = 0;
};

/// Reads device memory and waits for it: for tests, dumps and small results. Everything that writes
/// `from` must have been submitted. out.size() == from.size_bytes.
/// Errors: device_lost, out_of_memory, resource_limit (wait).
Result<void> download(Device& device, Slice from, std::span<std::byte> out);

}  // namespace m2w::vk
