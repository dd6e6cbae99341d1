// uniform.h — a movable window into a Buffer that shaders read as a uniform buffer. For devices
// where that path is much faster than addresses (CPU devices:
// docs/adr/0009-weights-as-texels-on-cpu-devices.md).
#pragma once
#include <vulkan/vulkan_core.h>

#include <cstdint>

#include "gguf/result.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/device.h"

namespace m2w::vk {

/// Set 0, binding 0 of a pipeline made with layout() as its first set layout. The window starts
/// where each dispatch says.
class UniformWindow {
  public:
    /// How far a window reaches: what every device with a 64 KiB limit can do, or less.
    static uint64_t window_bytes(const Caps& caps);
    /// The buffer must stay where it is and have window_bytes behind the last offset that is used.
    /// Errors: out_of_memory, device_lost.
    static Result<UniformWindow> create(Device& device, const Buffer& buffer);
    UniformWindow(UniformWindow&& other) noexcept;
    UniformWindow& operator=(UniformWindow&& other) noexcept;
    ~UniformWindow();

    VkDescriptorSetLayout layout() const { return layout_; }
    VkDescriptorSet set() const { return set_; }

  private:
    explicit UniformWindow(Device& device) : device_(&device) {}
    Result<void> init(const Buffer& buffer);
    void destroy();

    Device* device_ = nullptr;
    VkDescriptorSetLayout layout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    VkDescriptorSet set_ = VK_NULL_HANDLE;
};

}  // namespace m2w::vk
