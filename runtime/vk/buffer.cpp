// buffer.cpp — allocates device memory: which type of memory, one buffer over all of it, slices.
#include "runtime/vk/buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/vk/error.h"

namespace m2w::vk {
namespace {

constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
constexpr VkMemoryPropertyFlags kMapped =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;

constexpr VkBufferUsageFlags kUsage =
    VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT |
    VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
    VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT |
    VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT;

/// What a kind of memory must have, and what it should and should not have, all else being equal.
struct Wish {
    VkMemoryPropertyFlags need, want, avoid;
};

Wish wish(Memory memory, const Caps& caps) {
    // Device memory that the host can map is a small window on some discrete GPUs: leave it alone.
    switch (memory) {
        case Memory::device:
            return caps.unified_memory ? Wish{kLocal, kMapped, 0} : Wish{kLocal, 0, kMapped};
        case Memory::upload:
            return {kMapped, 0, kLocal | kCached};
        case Memory::readback:
            return {kMapped, kCached, kLocal};
    }
    return {};
}

/// Index of the best memory type among `allowed` bits. Vulkan promises one with kLocal and one with
/// kMapped for every buffer.
uint32_t choose_type(const VkPhysicalDeviceMemoryProperties& types, uint32_t allowed, Wish w) {
    uint32_t best = 0;
    int best_score = -1;
    for (uint32_t i = 0; i < types.memoryTypeCount; ++i) {
        const VkMemoryPropertyFlags flags = types.memoryTypes[i].propertyFlags;
        if (!(allowed & (1u << i)) || (flags & w.need) != w.need) continue;
        const int score = 2 * ((flags & w.want) == w.want) + ((flags & w.avoid) == 0);
        if (score > best_score) best = i, best_score = score;
    }
    M2W_ASSERT(best_score >= 0);
    return best;
}

}  // namespace

uint64_t Slice::address() const {
    return buffer->address() + offset_bytes;
}

std::byte* Slice::mapped() const {
    return buffer->mapped() ? buffer->mapped() + offset_bytes : nullptr;
}

Slice Slice::part(uint64_t offset, uint64_t size) const {
    M2W_ASSERT(offset <= size_bytes && size <= size_bytes - offset);
    return {buffer, offset_bytes + offset, size};
}

Result<Buffer> Buffer::create(Device& device, uint64_t size_bytes, Memory memory,
                              std::string_view what) {
    M2W_ASSERT(size_bytes > 0);
    TRY(device.check());
    Buffer out;
    out.device_ = &device;
    out.size_bytes_ = size_bytes;
    auto info = vk_struct<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
    info.size = size_bytes;
    info.usage = kUsage;
    TRY(device.check(vkCreateBuffer(device.handle(), &info, nullptr, &out.buffer_), what));

    VkMemoryRequirements needs{};
    vkGetBufferMemoryRequirements(device.handle(), out.buffer_, &needs);
    const auto& types = device.memory_properties_;
    auto flags = vk_struct<VkMemoryAllocateFlagsInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO);
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    auto allocate = vk_struct<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
    allocate.pNext = &flags;
    allocate.allocationSize = needs.size;
    allocate.memoryTypeIndex =
        choose_type(types, needs.memoryTypeBits, wish(memory, device.caps()));
    TRY(out.memory_, device.allocate(allocate, what));
    out.allocated_bytes_ = needs.size;
    TRY(device.check(vkBindBufferMemory(device.handle(), out.buffer_, out.memory_, 0), what));

    const auto property = types.memoryTypes[allocate.memoryTypeIndex].propertyFlags;
    if ((property & kMapped) == kMapped &&
        (memory != Memory::device || device.caps().unified_memory)) {
        void* mapped = nullptr;
        TRY(device.check(vkMapMemory(device.handle(), out.memory_, 0, VK_WHOLE_SIZE, 0, &mapped),
                         what));
        out.mapped_ = static_cast<std::byte*>(mapped);
    }
    auto address =
        vk_struct<VkBufferDeviceAddressInfo>(VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO);
    address.buffer = out.buffer_;
    out.address_ = vkGetBufferDeviceAddress(device.handle(), &address);
    M2W_ASSERT(out.address_ % 16 == 0);
    return out;
}

Buffer::Buffer(Buffer&& other) noexcept {
    *this = std::move(other);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    destroy();
    device_ = other.device_;
    buffer_ = std::exchange(other.buffer_, VK_NULL_HANDLE);
    memory_ = std::exchange(other.memory_, VK_NULL_HANDLE);
    size_bytes_ = std::exchange(other.size_bytes_, 0);
    allocated_bytes_ = std::exchange(other.allocated_bytes_, 0);
    address_ = std::exchange(other.address_, 0);
    mapped_ = std::exchange(other.mapped_, nullptr);
    return *this;
}

Buffer::~Buffer() {
    destroy();
}

void Buffer::destroy() {
    if (!buffer_ || !device_->quiesce()) return;
    vkDestroyBuffer(device_->handle(), buffer_, nullptr);
    if (memory_) device_->release(memory_, allocated_bytes_);
    buffer_ = VK_NULL_HANDLE;
    memory_ = VK_NULL_HANDLE;
}

std::span<std::byte> Buffer::bytes() const {
    M2W_ASSERT(mapped_);
    return {mapped_, size_bytes_};
}

}  // namespace m2w::vk
