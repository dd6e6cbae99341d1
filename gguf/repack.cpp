// repack.cpp — splits file blocks into device planes and joins them again. Moves bytes, changes
// none.
#include "gguf/repack.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "gguf/result.h"

namespace m2w {
namespace {

/// One field of many blocks, at equal distances.
struct Fields {
    const std::byte* from;
    size_t from_step;
    std::byte* to;
    size_t to_step;
    size_t n;
};

template <uint32_t bytes>
void copy_fields(const Fields& f, uint32_t) {
    for (size_t i = 0; i < f.n; i++)
        std::memcpy(f.to + i * f.to_step, f.from + i * f.from_step, bytes);
}

void copy_odd_fields(const Fields& f, uint32_t bytes) {
    for (size_t i = 0; i < f.n; i++)
        std::memcpy(f.to + i * f.to_step, f.from + i * f.from_step, bytes);
}

/// Copies of a size that the compiler knows are a move or two, not a call.
constexpr struct {
    uint32_t bytes;
    void (*copy)(const Fields&, uint32_t);
} kCopies[] = {
    {1, copy_fields<1>},   {2, copy_fields<2>},   {4, copy_fields<4>},     {8, copy_fields<8>},
    {12, copy_fields<12>}, {16, copy_fields<16>}, {32, copy_fields<32>},   {36, copy_fields<36>},
    {48, copy_fields<48>}, {64, copy_fields<64>}, {128, copy_fields<128>},
};

void copy(const Fields& fields, uint32_t bytes) {
    if (fields.from_step == bytes && fields.to_step == bytes) {
        std::memcpy(fields.to, fields.from, fields.n * bytes);
        return;
    }
    const auto* known = std::find_if(std::begin(kCopies), std::end(kCopies),
                                     [&](const auto& row) { return row.bytes == bytes; });
    (known != std::end(kCopies) ? known->copy : copy_odd_fields)(fields, bytes);
}

}  // namespace

void repack(const DTypeInfo& type, const std::byte* blocks, size_t n_blocks,
            std::byte* const* planes) {
    for (uint32_t i = 0; n_blocks > 0 && i < type.n_planes(); i++) {
        const auto& [name, bytes, offset] = type.planes[i];
        copy({blocks + offset, type.block_bytes, planes[i], bytes, n_blocks}, bytes);
    }
}

void unrepack(const DTypeInfo& type, const std::byte* const* planes, size_t n_blocks,
              std::byte* blocks) {
    for (uint32_t i = 0; n_blocks > 0 && i < type.n_planes(); i++) {
        const auto& [name, bytes, offset] = type.planes[i];
        copy({planes[i], bytes, blocks + offset, type.block_bytes, n_blocks}, bytes);
    }
}

PlaneLayout plane_layout(DType dtype, uint64_t n_blocks) {
    const DTypeInfo& info = dtype_info(dtype);
    M2W_ASSERT(info.n_planes() > 0);
    PlaneLayout layout;
    for (const PlaneInfo& plane : info.planes) {
        if (plane.bytes_per_block == 0) break;
        layout.offset_bytes[layout.count++] = layout.size_bytes;
        layout.size_bytes = (layout.size_bytes + n_blocks * plane.bytes_per_block + 15) / 16 * 16;
    }
    if (!info.grid.empty()) {
        layout.offset_bytes[layout.count++] = layout.size_bytes;
        layout.size_bytes += (info.grid.size_bytes() + 15) / 16 * 16;
    }
    return layout;
}

}  // namespace m2w
