// texels.cpp — buffer views and the sets that hold them.
#include "runtime/vk/texels.h"

#include <utility>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

uint64_t texel_bytes(VkFormat format) {
    return format == VK_FORMAT_R16_SFLOAT ? 2 : format == VK_FORMAT_R32G32B32A32_UINT ? 16 : 4;
}

}  // namespace

bool TexelSets::fits(const TexelPlane& plane, const Caps& caps) {
    return plane.memory.size_bytes / texel_bytes(plane.format) <= caps.max_texel_elements &&
           plane.memory.offset_bytes % caps.min_texel_alignment_bytes == 0;
}

Result<TexelSets> TexelSets::create(Device& device, std::span<const TexelPlanes> matrices) {
    TexelSets sets(device);
    TRY(sets.init(matrices));
    return sets;
}

Result<void> TexelSets::init(std::span<const TexelPlanes> matrices) {
    VkDescriptorSetLayoutBinding bindings[kTexelPlanes];
    for (uint32_t i = 0; i < kTexelPlanes; ++i)
        bindings[i] = {i, VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                       nullptr};
    auto layout = vk_struct<VkDescriptorSetLayoutCreateInfo>(
        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
    layout.bindingCount = kTexelPlanes;
    layout.pBindings = bindings;
    TRY(device_->check(vkCreateDescriptorSetLayout(device_->handle(), &layout, nullptr, &layout_),
                       "vkCreateDescriptorSetLayout"));

    const uint32_t n = uint32_t(matrices.size());
    if (n == 0) return {};
    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, n * kTexelPlanes};
    auto pool =
        vk_struct<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
    pool.maxSets = n;
    pool.poolSizeCount = 1;
    pool.pPoolSizes = &size;
    TRY(device_->check(vkCreateDescriptorPool(device_->handle(), &pool, nullptr, &pool_),
                       "vkCreateDescriptorPool"));

    const std::vector<VkDescriptorSetLayout> layouts(n, layout_);
    auto allocate =
        vk_struct<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
    allocate.descriptorPool = pool_;
    allocate.descriptorSetCount = n;
    allocate.pSetLayouts = layouts.data();
    sets_.resize(n);
    TRY(device_->check(vkAllocateDescriptorSets(device_->handle(), &allocate, sets_.data()),
                       "vkAllocateDescriptorSets"));
    for (uint32_t i = 0; i < n; ++i) TRY(fill(sets_[i], matrices[i]));
    return {};
}

Result<void> TexelSets::fill(VkDescriptorSet set, const TexelPlanes& planes) {
    std::array<VkWriteDescriptorSet, kTexelPlanes> writes;
    const size_t first = views_.size();
    views_.resize(first + kTexelPlanes, VK_NULL_HANDLE);
    for (uint32_t i = 0; i < kTexelPlanes; ++i) {
        auto view = vk_struct<VkBufferViewCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO);
        view.buffer = planes[i].memory.buffer->handle();
        view.format = planes[i].format;
        view.offset = planes[i].memory.offset_bytes;
        view.range = planes[i].memory.size_bytes / texel_bytes(planes[i].format) *
                     texel_bytes(planes[i].format);
        TRY(device_->check(
            vkCreateBufferView(device_->handle(), &view, nullptr, &views_[first + i]),
            "vkCreateBufferView"));
        writes[i] = vk_struct<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
        writes[i].dstSet = set;
        writes[i].dstBinding = i;
        writes[i].descriptorCount = 1;
        writes[i].descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER;
        writes[i].pTexelBufferView = &views_[first + i];
    }
    vkUpdateDescriptorSets(device_->handle(), kTexelPlanes, writes.data(), 0, nullptr);
    return {};
}

TexelSets::TexelSets(TexelSets&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      layout_(other.layout_),
      pool_(other.pool_),
      sets_(std::move(other.sets_)),
      views_(std::move(other.views_)) {}

TexelSets::~TexelSets() {
    if (!device_ || !device_->quiesce()) return;  // work that hangs may still use them
    vkDestroyDescriptorPool(device_->handle(), pool_, nullptr);
    for (VkBufferView view : views_) vkDestroyBufferView(device_->handle(), view, nullptr);
    vkDestroyDescriptorSetLayout(device_->handle(), layout_, nullptr);
}

}  // namespace m2w::vk
