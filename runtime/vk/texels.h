// texels.h — weight planes as texel buffers, a set of four for each matrix. For devices where that
// path is much faster than addresses (CPU devices:
// docs/adr/0009-weights-as-texels-on-cpu-devices.md). Knows no weight types.
#pragma once
#include <vulkan/vulkan_core.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/buffer.h"
#include "runtime/vk/device.h"

namespace m2w::vk {

/// A plane and how its bytes are read.
struct TexelPlane {
    Slice memory;
    VkFormat format = VK_FORMAT_R32G32B32A32_UINT;
};
constexpr uint32_t kTexelPlanes = 4;
using TexelPlanes = std::array<TexelPlane, kTexelPlanes>;  // unused ones repeat an earlier plane

/// Set 1 of pipelines made with layout() as their second set layout: bindings 0..3 are the planes.
class TexelSets {
  public:
    /// True when the device can read all of `plane` as one texel buffer.
    static bool fits(const TexelPlane& plane, const Caps& caps);
    /// One set for each element. Errors: out_of_memory, device_lost.
    static Result<TexelSets> create(Device& device, std::span<const TexelPlanes> matrices);
    TexelSets(TexelSets&& other) noexcept;
    TexelSets& operator=(TexelSets&&) = delete;
    ~TexelSets();

    VkDescriptorSetLayout layout() const { return layout_; }
    VkDescriptorSet operator[](size_t matrix) const { return sets_[matrix]; }

  private:
    explicit TexelSets(Device& device) : device_(&device) {}
    Result<void> init(std::span<const TexelPlanes> matrices);
    Result<void> fill(VkDescriptorSet set, const TexelPlanes& planes);

    Device* device_ = nullptr;
    VkDescriptorSetLayout layout_ = VK_NULL_HANDLE;
    VkDescriptorPool pool_ = VK_NULL_HANDLE;
    std::vector<VkDescriptorSet> sets_;
    std::vector<VkBufferView> views_;
};

}  // namespace m2w::vk
