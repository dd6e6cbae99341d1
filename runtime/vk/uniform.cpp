// uniform.cpp — one dynamic uniform buffer descriptor.
#include "runtime/vk/uniform.h"

#include <algorithm>
#include <utility>

#include "runtime/vk/error.h"

namespace m2w::vk {

uint64_t UniformWindow::window_bytes(const Caps& caps) {
    return std::min<uint64_t>(caps.max_uniform_range_bytes, 65536);
}

Result<UniformWindow> UniformWindow::create(Device& device, const Buffer& buffer) {
    UniformWindow window(device);
    TRY(window.init(buffer));
    return window;
}

Result<void> UniformWindow::init(const Buffer& buffer) {
    const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 1,
                                               VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    auto layout = vk_struct<VkDescriptorSetLayoutCreateInfo>(
        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
    layout.bindingCount = 1;
    layout.pBindings = &binding;
    TRY(device_->check(vkCreateDescriptorSetLayout(device_->handle(), &layout, nullptr, &layout_),
                       "vkCreateDescriptorSetLayout"));

    const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC, 1};
    auto pool =
        vk_struct<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
    pool.maxSets = 1;
    pool.poolSizeCount = 1;
    pool.pPoolSizes = &size;
    TRY(device_->check(vkCreateDescriptorPool(device_->handle(), &pool, nullptr, &pool_),
                       "vkCreateDescriptorPool"));

    auto allocate =
        vk_struct<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
    allocate.descriptorPool = pool_;
    allocate.descriptorSetCount = 1;
    allocate.pSetLayouts = &layout_;
    TRY(device_->check(vkAllocateDescriptorSets(device_->handle(), &allocate, &set_),
                       "vkAllocateDescriptorSets"));

    const VkDescriptorBufferInfo where{buffer.handle(), 0, window_bytes(device_->caps())};
    auto write = vk_struct<VkWriteDescriptorSet>(VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET);
    write.dstSet = set_;
    write.descriptorCount = 1;
    write.descriptorType = VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER_DYNAMIC;
    write.pBufferInfo = &where;
    vkUpdateDescriptorSets(device_->handle(), 1, &write, 0, nullptr);
    return {};
}

UniformWindow::UniformWindow(UniformWindow&& other) noexcept
    : device_(std::exchange(other.device_, nullptr)),
      layout_(other.layout_),
      pool_(other.pool_),
      set_(other.set_) {}

UniformWindow& UniformWindow::operator=(UniformWindow&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    device_ = std::exchange(other.device_, nullptr);
    layout_ = other.layout_;
    pool_ = other.pool_;
    set_ = other.set_;
    return *this;
}

UniformWindow::~UniformWindow() {
    destroy();
}

void UniformWindow::destroy() {
    if (!device_ || !device_->quiesce()) return;  // work that hangs may still use it
    vkDestroyDescriptorPool(device_->handle(), pool_, nullptr);
    vkDestroyDescriptorSetLayout(device_->handle(), layout_, nullptr);
}

}  // namespace m2w::vk
