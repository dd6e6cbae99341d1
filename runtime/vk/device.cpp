// device.cpp — opens a device, submits, waits, counts memory.
#include "runtime/vk/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

constexpr std::chrono::milliseconds kGpuTimeout = std::chrono::seconds(60);
constexpr std::chrono::milliseconds kCpuTimeout = std::chrono::minutes(10);

double mib(uint64_t bytes) {
    return double(bytes) / (1 << 20);
}

}  // namespace

Device::Device(std::shared_ptr<Instance> instance, const DeviceInfo& info,
               const DeviceOptions& options)
    : instance_(std::move(instance)), info_(info), wait_timeout_(options.wait_timeout) {
    if (options.discrete_memory) info_.caps.unified_memory = false;
    if (wait_timeout_.count() == 0) wait_timeout_ = info.caps.is_cpu ? kCpuTimeout : kGpuTimeout;
}

Result<std::unique_ptr<Device>> Device::create(std::shared_ptr<Instance> instance,
                                               const DeviceInfo& info,
                                               const DeviceOptions& options) {
    if (!info.unusable.empty())
        return Error{Category::no_device, info.name + " cannot be used: " + info.unusable};
    std::unique_ptr<Device> device(new Device(std::move(instance), info, options));
    TRY(device->init());
    return device;
}

Result<std::unique_ptr<Device>> Device::open(std::string_view spec,
                                             const InstanceOptions& instance_options,
                                             const DeviceOptions& options) {
    TRY(auto instance, Instance::create(instance_options));
    TRY(const auto devices, list_devices(*instance));
    TRY(const size_t index, select_device(devices, spec));
    return create(std::move(instance), devices[index], options);
}

Result<void> Device::init() {
    FeatureChain features(caps());
    features.enable(caps());
    const auto names = extensions(caps());
    const float priority = 1;
    auto queue = vk_struct<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
    queue.queueFamilyIndex = caps().queue_family;
    queue.queueCount = 1;
    queue.pQueuePriorities = &priority;
    auto info = vk_struct<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
    info.pNext = &features.head;
    info.queueCreateInfoCount = 1;
    info.pQueueCreateInfos = &queue;
    info.enabledExtensionCount = uint32_t(names.size());
    info.ppEnabledExtensionNames = names.data();
    TRY(check(vkCreateDevice(info_.handle, &info, nullptr, &device_),
              "vkCreateDevice " + info_.name));
    vkGetDeviceQueue(device_, caps().queue_family, 0, &queue_);
    vkGetPhysicalDeviceMemoryProperties(info_.handle, &memory_properties_);

    auto type = vk_struct<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    auto semaphore = vk_struct<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
    semaphore.pNext = &type;
    TRY(check(vkCreateSemaphore(device_, &semaphore, nullptr, &timeline_), "vkCreateSemaphore"));
    return {};
}

Device::~Device() {
    if (!device_) return;
    if (!quiesce()) {  // hung: destroying what it uses would be worse than keeping it to the end
        static std::mutex mutex;
        static auto* const kept = new std::vector<std::shared_ptr<Instance>>;
        std::lock_guard lock(mutex);
        kept->push_back(std::move(instance_));
        return;
    }
    vkDestroySemaphore(device_, timeline_, nullptr);
    vkDestroyDevice(device_, nullptr);
}

Error Device::lost_error(std::string_view what) const {
    return {Category::device_lost,
            fmt::format("{}: the device is lost ({}, {})", what, info_.name, info_.driver_version)};
}

Result<void> Device::check() const {
    if (lost()) return lost_error("after an earlier error");
    return {};
}

Result<void> Device::check(VkResult result, std::string_view what) {
    if (result != VK_SUCCESS) return fail(result, what);
    return {};
}

Error Device::fail(VkResult result, std::string_view what) {
    if (result != VK_ERROR_DEVICE_LOST) return vk_error(result, what);
    lost_ = true;
    return lost_error(what);
}

Result<uint64_t> Device::submit(VkCommandBuffer commands) {
    TRY(check());
    if (lose_next_submit_.exchange(false)) return fail(VK_ERROR_DEVICE_LOST, "vkQueueSubmit");
    std::lock_guard lock(queue_mutex_);
    const uint64_t serial = submitted_ + 1;
    auto timeline =
        vk_struct<VkTimelineSemaphoreSubmitInfo>(VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO);
    timeline.signalSemaphoreValueCount = 1;
    timeline.pSignalSemaphoreValues = &serial;
    auto info = vk_struct<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
    info.pNext = &timeline;
    info.commandBufferCount = 1;
    info.pCommandBuffers = &commands;
    info.signalSemaphoreCount = 1;
    info.pSignalSemaphores = &timeline_;
    TRY(check(vkQueueSubmit(queue_, 1, &info, VK_NULL_HANDLE), "vkQueueSubmit"));
    submitted_ = serial;
    return serial;
}

VkResult Device::wait_for(uint64_t serial, std::chrono::nanoseconds timeout) {
    auto info = vk_struct<VkSemaphoreWaitInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO);
    info.semaphoreCount = 1;
    info.pSemaphores = &timeline_;
    info.pValues = &serial;
    return vkWaitSemaphores(device_, &info, uint64_t(timeout.count()));
}

Result<void> Device::wait(uint64_t serial, std::chrono::milliseconds timeout) {
    TRY(check());
    if (timeout.count() == 0) timeout = wait_timeout_;
    const VkResult result = wait_for(serial, timeout);
    if (result == VK_TIMEOUT)
        return Error{Category::resource_limit,
                     fmt::format("{} did not finish its work within {} s", info_.name,
                                 double(timeout.count()) * 1e-3)};
    if (result) return fail(result, "vkWaitSemaphores");
    return {};
}

Result<bool> Device::done(uint64_t serial) {
    TRY(check());
    uint64_t value = 0;
    TRY(check(vkGetSemaphoreCounterValue(device_, timeline_, &value),
              "vkGetSemaphoreCounterValue"));
    return value >= serial;
}

bool Device::quiesce() {
    // Not through wait(): after a loss, what was submitted before it may still be ending.
    if (!hung_ && submitted_ > 0) hung_ = wait_for(submitted_, wait_timeout_) == VK_TIMEOUT;
    return !hung_;
}

Result<VkDeviceMemory> Device::allocate(const VkMemoryAllocateInfo& info, std::string_view what) {
    TRY(check());
    VkDeviceMemory memory = VK_NULL_HANDLE;
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const bool fault = fail_allocation_in_ > 0 && --fail_allocation_in_ == 0;
    // Beyond these limits the call is not allowed, so that nobody says what would happen.
    if (!fault && info.allocationSize <= caps().max_allocation_bytes &&
        allocations_ < caps().max_allocations)
        result = vkAllocateMemory(device_, &info, nullptr, &memory);
    if (result == VK_SUCCESS) {
        ++allocations_;
        const uint64_t now = in_use_bytes_ += info.allocationSize;
        uint64_t peak = peak_bytes_;
        while (now > peak && !peak_bytes_.compare_exchange_weak(peak, now)) {
        }
        return memory;
    }
    Error error = fail(result, what);
    if (error.category == Category::out_of_memory) {
        const MemoryStatus status = this->memory();
        error.message = fmt::format(
            "{}: {:.1f} MiB wanted on {}; {:.1f} MiB in use by us in {} allocations, {:.1f} MiB of "
            "{:.1f} MiB free, at most {:.1f} MiB an allocation ({})",
            what, mib(info.allocationSize), info_.name, mib(status.in_use_bytes),
            status.allocations, mib(status.free_bytes), mib(status.heap_bytes),
            mib(caps().max_allocation_bytes), result_name(result));
    }
    return error;
}

void Device::release(VkDeviceMemory memory, uint64_t size_bytes) {
    vkFreeMemory(device_, memory, nullptr);
    --allocations_;
    in_use_bytes_ -= size_bytes;
}

MemoryStatus Device::memory() const {
    MemoryStatus status{in_use_bytes_, peak_bytes_, allocations_, info_.device_local_bytes(), 0};
    if (!caps().memory_budget) {
        status.free_bytes = status.heap_bytes - std::min(status.heap_bytes, status.in_use_bytes);
        return status;
    }
    auto budget = vk_struct<VkPhysicalDeviceMemoryBudgetPropertiesEXT>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    auto properties = vk_struct<VkPhysicalDeviceMemoryProperties2>(
        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2);
    properties.pNext = &budget;
    vkGetPhysicalDeviceMemoryProperties2(info_.handle, &properties);
    for (size_t i = 0; i < info_.heaps.size(); ++i)
        if (info_.heaps[i].device_local)
            status.free_bytes +=
                budget.heapBudget[i] - std::min(budget.heapBudget[i], budget.heapUsage[i]);
    return status;
}

}  // namespace m2w::vk
