// buffer.h — device memory with one owner: Buffer, one allocation each; Arena, many slices in few
// chunks. Moves no bytes, knows no tensors.
#pragma once
#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "gguf/result.h"
#include "runtime/vk/device.h"

namespace m2w::vk {

enum class Memory : uint8_t {
    device,    // fastest for shaders; mapped as well where memory is unified
    upload,    // host writes, device reads; always mapped
    readback,  // device writes, host reads; always mapped, cached where offered
};

class Buffer;

/// Bytes [offset_bytes, offset_bytes + size_bytes) of a Buffer that somebody else owns.
struct Slice {
    const Buffer* buffer = nullptr;
    uint64_t offset_bytes = 0;
    uint64_t size_bytes = 0;

    uint64_t address() const;   // what a shader gets
    std::byte* mapped() const;  // null where the memory is not mapped
    /// A part of it; asserts that it lies inside.
    Slice part(uint64_t offset, uint64_t size) const;
};

/// Usable as storage by address, source and target of copies, and indirect arguments. Mapped memory
/// is coherent: no flushes. Destroying one waits for all submitted work.
class Buffer {
  public:
    /// what: named in errors, e.g. "KV cache". size_bytes > 0.
    /// Errors: out_of_memory (with the numbers), device_lost.
    static Result<Buffer> create(Device& device, uint64_t size_bytes, Memory memory,
                                 std::string_view what);
    Buffer() = default;
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer();

    VkBuffer handle() const { return buffer_; }
    uint64_t size_bytes() const { return size_bytes_; }
    uint64_t address() const { return address_; }  // aligned to 16 bytes at least
    std::byte* mapped() const { return mapped_; }  // null for unmapped device memory
    /// As the bytes of the mapped memory; asserts that it is mapped.
    std::span<std::byte> bytes() const;
    Slice all() const { return {this, 0, size_bytes_}; }  // valid until the Buffer is moved
    Slice part(uint64_t offset, uint64_t size) const { return all().part(offset, size); }
    explicit operator bool() const { return buffer_ != VK_NULL_HANDLE; }

  private:
    void destroy();

    Device* device_ = nullptr;
    VkBuffer buffer_ = VK_NULL_HANDLE;
    VkDeviceMemory memory_ = VK_NULL_HANDLE;
    uint64_t size_bytes_ = 0, allocated_bytes_ = 0, address_ = 0;
    std::byte* mapped_ = nullptr;
};

/// Memory for many tensors: given all sizes at once, it packs them in order into chunks that are
/// exactly as large as their content.
class Arena {
  public:
    static constexpr uint64_t kAlignment = 256;                 // of every slice's address
    static constexpr uint64_t kChunkBytes = uint64_t(1) << 30;  // default limit of a chunk

    /// The largest slice that an arena on this device can hold. Split a larger tensor by rows.
    static uint64_t max_slice_bytes(const Caps& caps, uint64_t chunk_bytes = kChunkBytes);

    /// One slice for each size, in order; a size of 0 gives an empty slice.
    /// Errors: resource_limit (a size beyond max_slice_bytes, with both numbers), out_of_memory,
    /// device_lost.
    static Result<Arena> create(Device& device, std::span<const uint64_t> sizes_bytes,
                                std::string_view what, Memory memory = Memory::device,
                                uint64_t chunk_bytes = kChunkBytes);

    size_t size() const { return slices_.size(); }
    Slice operator[](size_t i) const { return slices_[i]; }  // survives a move of the Arena
    size_t chunk_count() const { return chunks_.size(); }
    uint64_t reserved_bytes() const;

  private:
    std::vector<Buffer> chunks_;  // never grows after create: slices point into it
    std::vector<Slice> slices_;
};

}  // namespace m2w::vk
