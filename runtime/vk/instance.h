// instance.h — the Vulkan instance: which devices there are, which one to take, what the validation
// layer said. Prints nothing, opens no device.
#pragma once
#include <vulkan/vulkan_core.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/caps.h"

namespace m2w::vk {

/// M2W_VALIDATION=1 and M2W_VALIDATION=sync in the environment switch these on as well.
struct InstanceOptions {
    bool validation = false;       // VK_LAYER_KHRONOS_validation; slow
    bool sync_validation = false;  // hazards between commands too; implies validation
};

/// Warnings and errors of the validation layer, in order of arrival. Thread-safe.
class ValidationLog {
  public:
    std::vector<std::string> messages() const;
    void clear();
    void add(std::string message);

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> messages_;
};

class Instance {
  public:
    /// Errors: no_device (no loader or no driver), unsupported (validation asked for and the layer
    /// is not installed).
    static Result<std::shared_ptr<Instance>> create(const InstanceOptions& options = {});
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;
    ~Instance();

    VkInstance handle() const { return instance_; }
    bool validation() const { return validation_; }
    /// False when the validation layer is too old to know cooperative matrices.
    bool coop_matrix_allowed() const { return coop_matrix_allowed_; }
    std::vector<std::string> validation_messages() const { return log_->messages(); }
    // Two owners: the messenger's callback writes as long as the instance lives; a test reads after
    // that what the teardown said.
    const std::shared_ptr<ValidationLog>& validation_log() const { return log_; }

  private:
    Instance() : log_(std::make_shared<ValidationLog>()) {}
    Result<void> init(InstanceOptions options);

    VkInstance instance_ = VK_NULL_HANDLE;
    VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
    std::shared_ptr<ValidationLog> log_;
    bool validation_ = false;
    bool coop_matrix_allowed_ = true;
};

struct HeapInfo {
    uint64_t size_bytes = 0;
    bool device_local = false;
};

struct DeviceInfo {
    std::string name;
    std::string driver;          // "llvmpipe"
    std::string driver_version;  // "Mesa 22.3.6 (LLVM 15.0.6)"
    uint32_t driver_version_id = 0;
    uint32_t api_version = 0;
    uint32_t vendor_id = 0, device_id = 0;
    std::array<uint8_t, VK_UUID_SIZE> uuid{}, pipeline_cache_uuid{};
    std::vector<HeapInfo> heaps;
    Caps caps;
    std::string unusable;                      // why, or empty
    VkPhysicalDevice handle = VK_NULL_HANDLE;  // lives as long as the Instance

    /// Sum over the device-local heaps.
    uint64_t device_local_bytes() const;
    /// "discrete GPU", "integrated GPU", "virtual GPU", "CPU" or "other".
    std::string_view type_name() const;
    /// "1.3.230"
    std::string api_version_str() const;
    /// 32 hex digits.
    std::string uuid_str() const;
};

/// All devices in the order of choice: usable ones before unusable ones, then discrete, integrated,
/// virtual, CPU, then the drivers' order. Empty when there is none.
Result<std::vector<DeviceInfo>> list_devices(const Instance& instance);

/// Index of the device that `spec` names: "auto" (or ""): the first usable one; a number: that
/// index; else the first device whose name contains spec, without regard to case. A number beyond
/// the list is tried as a name ("4090"). Errors: no_device, with what is there.
Result<size_t> select_device(std::span<const DeviceInfo> devices, std::string_view spec);

}  // namespace m2w::vk
