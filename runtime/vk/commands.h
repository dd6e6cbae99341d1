// commands.h — one command buffer: record, submit, wait, submit again. Knows no model; the caller
// says where barriers go.
#pragma once
#include <vulkan/vulkan_core.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/device.h"
#include "runtime/vk/pipeline.h"
#include "runtime/vk/uniform.h"

namespace m2w::vk {

/// Number of workgroups in each direction.
struct Groups {
    uint32_t x = 1, y = 1, z = 1;
};

/// A grid with x * y >= count that the device can dispatch, as close to count as it gets. A shader
/// that uses it computes gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x and returns where
/// that is >= count. Asserts 0 < count <= limit x * limit y.
Groups split_groups(uint64_t count, const Caps& caps);

/// Who touches memory before and after a barrier; combine with |.
enum class Stage : uint8_t {
    compute = 1,   // before: wrote; after: reads and writes
    transfer = 2,  // copies and fills: the same
    indirect = 4,  // after only: arguments of dispatch_indirect
    host = 8,      // after only: the host reads, once the submission is complete
};
constexpr Stage operator|(Stage a, Stage b) {
    return Stage(uint8_t(a) | uint8_t(b));
}

/// One thread at a time. Host writes into mapped memory before submit() are seen without a barrier;
/// results of an earlier submission need one, like those of an earlier command.
class Commands {
  public:
    /// max_timestamps: how many timestamp() calls one recording may make.
    static Result<Commands> create(Device& device, uint32_t max_timestamps = 0);
    Commands(Commands&& other) noexcept;
    Commands& operator=(Commands&& other) noexcept;
    ~Commands();

    /// Starts a new recording; waits for a submission of the old one.
    Result<void> begin();
    /// push: exactly pipeline.push_constant_bytes. groups: each > 0 and within the device's limits
    /// (asserted; see split_groups).
    void dispatch(const Pipeline& pipeline, std::span<const std::byte> push, Groups groups);
    /// The same for a pipeline with a uniform window and texel planes. offset_bytes: where the
    /// window starts in its buffer, a multiple of Caps::min_uniform_alignment_bytes.
    void dispatch(const Pipeline& pipeline, std::span<const std::byte> push, Groups groups,
                  const UniformWindow& window, uint32_t offset_bytes, VkDescriptorSet texels);
    /// args: three uint32_t {x, y, z}, 4-byte aligned; each may be 0. The writer keeps the limits.
    void dispatch_indirect(const Pipeline& pipeline, std::span<const std::byte> push, Slice args);
    template <class Params>
    void dispatch(const Pipeline& pipeline, const Params& params, Groups groups) {
        static_assert(std::is_trivially_copyable_v<Params>);
        dispatch(pipeline, std::as_bytes(std::span(&params, 1)), groups);
    }
    template <class Params>
    void dispatch_indirect(const Pipeline& pipeline, const Params& params, Slice args) {
        static_assert(std::is_trivially_copyable_v<Params>);
        dispatch_indirect(pipeline, std::as_bytes(std::span(&params, 1)), args);
    }
    /// Same sizes; the slices do not overlap. Any alignment.
    void copy(Slice from, Slice to);
    /// Fills with a word; offset and size are multiples of 4.
    void fill(Slice to, uint32_t word);
    void barrier(Stage before, Stage after);
    /// Writes the time at which all earlier commands are done. Returns its index.
    uint32_t timestamp();
    /// Errors: out_of_memory, device_lost.
    Result<void> end();

    /// Submits the recording, as often as wanted; waits for the previous submission of it. Returns
    /// the serial for Device::wait. Errors: device_lost, out_of_memory, resource_limit (wait).
    Result<uint64_t> submit();
    /// Waits for the last submission. timeout 0: the device's. Errors: as Device::wait.
    Result<void> wait(std::chrono::milliseconds timeout = {});
    Result<void> submit_and_wait();
    /// Nanoseconds of every timestamp of the last submission, relative to the first one. Waits.
    /// Errors: unsupported (the queue has no timestamps), as wait().
    Result<std::vector<double>> timestamps_ns();

    VkCommandBuffer handle() const { return commands_; }

  private:
    explicit Commands(Device& device) : device_(&device) {}
    void destroy();
    void bind(const Pipeline& pipeline, std::span<const std::byte> push);

    Device* device_ = nullptr;
    VkCommandPool pool_ = VK_NULL_HANDLE;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;
    VkQueryPool queries_ = VK_NULL_HANDLE;
    uint32_t max_timestamps_ = 0, timestamps_ = 0;
    VkPipeline bound_ = VK_NULL_HANDLE;
    uint64_t serial_ = 0;  // of the last submission, 0: none
    enum class State : uint8_t { empty, recording, recorded } state_ = State::empty;
};

}  // namespace m2w::vk
