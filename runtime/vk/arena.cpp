// arena.cpp — packs slices into chunks.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/vk/buffer.h"

namespace m2w::vk {
namespace {

uint64_t align_slice(uint64_t n) {
    return (n + Arena::kAlignment - 1) / Arena::kAlignment * Arena::kAlignment;
}

}  // namespace

uint64_t Arena::max_slice_bytes(const Caps& caps, uint64_t chunk_bytes) {
    // One alignment less, because the first slice may not start at the chunk's first byte.
    return std::min(chunk_bytes, caps.max_allocation_bytes) / kAlignment * kAlignment - kAlignment;
}

Result<Arena> Arena::create(Device& device, std::span<const uint64_t> sizes_bytes,
                            std::string_view what, Memory memory, uint64_t chunk_bytes) {
    M2W_ASSERT(chunk_bytes >= 2 * kAlignment);
    const uint64_t limit = max_slice_bytes(device.caps(), chunk_bytes);
    struct Place {
        size_t chunk;
        uint64_t offset;
    };
    std::vector<Place> places;
    std::vector<uint64_t> chunk_sizes;
    for (const uint64_t size : sizes_bytes) {
        if (size > limit)
            return Error{
                Category::resource_limit,
                fmt::format("{}: {} bytes in one piece, the device takes {}", what, size, limit)};
        if (chunk_sizes.empty() || align_slice(size) > limit - chunk_sizes.back())
            chunk_sizes.push_back(0);
        places.push_back({chunk_sizes.size() - 1, chunk_sizes.back()});
        chunk_sizes.back() += align_slice(size);
    }
    Arena arena;
    arena.chunks_.reserve(chunk_sizes.size());
    for (const uint64_t size : chunk_sizes) {
        TRY(auto chunk, Buffer::create(device, size + kAlignment, memory, what));
        arena.chunks_.push_back(std::move(chunk));
    }
    for (size_t i = 0; i < places.size(); ++i) {
        const Buffer& chunk = arena.chunks_[places[i].chunk];
        const uint64_t first = align_slice(chunk.address()) - chunk.address();
        arena.slices_.push_back(chunk.part(first + places[i].offset, sizes_bytes[i]));
    }
    return arena;
}

uint64_t Arena::reserved_bytes() const {
    uint64_t sum = 0;
    for (const Buffer& chunk : chunks_) sum += chunk.size_bytes();
    return sum;
}

}  // namespace m2w::vk
