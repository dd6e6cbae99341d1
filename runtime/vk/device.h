// device.h — an opened device: one queue with a serial number for every submission, the count of
// its memory, and whether it is lost. Records no commands.
#pragma once
#include <vulkan/vulkan_core.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "gguf/result.h"
#include "runtime/vk/caps.h"
#include "runtime/vk/instance.h"

namespace m2w::vk {

struct DeviceOptions {
    /// How long a wait may take. 0: 60 s, on a CPU device 10 minutes.
    std::chrono::milliseconds wait_timeout{0};
    /// Never map device memory, as on a discrete GPU: tests those paths where memory is unified.
    bool discrete_memory = false;
};

struct MemoryStatus {
    uint64_t in_use_bytes = 0, peak_bytes = 0;  // ours, all kinds of memory
    uint64_t allocations = 0;                   // ours, alive
    uint64_t heap_bytes = 0;                    // device-local heaps
    /// What the driver thinks can still be had of them; without VK_EXT_memory_budget: heap_bytes -
    /// in_use_bytes. On a CPU device a hint only: nothing may be refused because of it.
    uint64_t free_bytes = 0;
};

/// Everything made from a Device must be destroyed before it. Thread-safe.
/// Once the driver reports a loss, every call that can fail answers device_lost; tearing down stays
/// legal.
class Device {
  public:
    /// Errors: no_device (info.unusable), out_of_memory, device_lost, unsupported.
    /// Shares the instance: it owns the handles that a device is made from, the caller goes on
    /// listing.
    static Result<std::unique_ptr<Device>> create(std::shared_ptr<Instance> instance,
                                                  const DeviceInfo& info,
                                                  const DeviceOptions& options = {});
    /// Instance, list, selection and device in one call.
    static Result<std::unique_ptr<Device>> open(std::string_view spec = "auto",
                                                const InstanceOptions& instance_options = {},
                                                const DeviceOptions& options = {});
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    ~Device();

    const DeviceInfo& info() const { return info_; }
    const Caps& caps() const { return info_.caps; }
    const Instance& instance() const { return *instance_; }
    VkDevice handle() const { return device_; }

    bool lost() const { return lost_.load(); }
    /// Errors: device_lost, once it is.
    Result<void> check() const;
    /// An error unless the call `what` returned VK_SUCCESS; remembers a loss.
    Result<void> check(VkResult result, std::string_view what);
    /// The Error of a failed call; remembers a loss.
    Error fail(VkResult result, std::string_view what);

    /// Submits; commands run in order of submission, but may overlap without a barrier. Returns
    /// the submission's serial number. Errors: device_lost, out_of_memory.
    Result<uint64_t> submit(VkCommandBuffer commands);
    /// Waits until submission `serial` is complete. timeout 0: DeviceOptions::wait_timeout.
    /// Errors: device_lost; resource_limit (not done in time; the work goes on).
    Result<void> wait(uint64_t serial, std::chrono::milliseconds timeout = {});
    /// True when submission `serial` is complete. Never blocks. Errors: device_lost.
    Result<bool> done(uint64_t serial);
    /// Waits (bounded) for everything submitted, so that resources can be destroyed. False: work is
    /// still running and what it uses must be leaked rather than destroyed.
    bool quiesce();

    MemoryStatus memory() const;

  private:
    friend class Buffer;
    friend struct TestHooks;
    Device(std::shared_ptr<Instance> instance, const DeviceInfo& info,
           const DeviceOptions& options);
    Result<void> init();
    Result<VkDeviceMemory> allocate(const VkMemoryAllocateInfo& info, std::string_view what);
    void release(VkDeviceMemory memory, uint64_t size_bytes);
    VkResult wait_for(uint64_t serial, std::chrono::nanoseconds timeout);
    Error lost_error(std::string_view what) const;

    std::shared_ptr<Instance> instance_;
    DeviceInfo info_;
    std::chrono::milliseconds wait_timeout_;
    VkDevice device_ = VK_NULL_HANDLE;
    VkQueue queue_ = VK_NULL_HANDLE;
    VkSemaphore timeline_ = VK_NULL_HANDLE;  // its value: the last completed serial
    VkPhysicalDeviceMemoryProperties memory_properties_{};
    std::mutex queue_mutex_;  // guards queue_ and the order of serials
    std::atomic<uint64_t> submitted_{0};
    std::atomic<bool> lost_{false};
    std::atomic<bool> hung_{false};
    std::atomic<uint64_t> in_use_bytes_{0}, peak_bytes_{0}, allocations_{0};
    std::atomic<bool> lose_next_submit_{false};   // fault injection, see testing.h
    std::atomic<int64_t> fail_allocation_in_{0};  // fault injection: 1 = the next one
};

}  // namespace m2w::vk
