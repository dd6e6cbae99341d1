// repack.cpp — splits file blocks into device planes. Moves bytes, changes none.
#include "gguf/repack.h"

#include <cstring>

#include "gguf/dtype_impl.h"
#include "gguf/result.h"

namespace m2w {
namespace detail {
namespace {

/// Where a plane's field lies inside the block of the file.
struct Field {
    uint32_t offset, bytes;
};

template <uint32_t block_bytes, Field field>
void copy_field(const std::byte* blocks, size_t n_blocks, std::byte* plane) {
    for (size_t i = 0; i < n_blocks; i++)
        std::memcpy(plane + i * field.bytes, blocks + i * block_bytes + field.offset, field.bytes);
}

/// Fields in the order of the planes in the type table.
template <uint32_t block_bytes, Field... fields>
void split(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    static_assert((fields.bytes + ...) == block_bytes, "every byte goes to one plane");
    if (n_blocks == 0) return;
    size_t i = 0;
    (copy_field<block_bytes, fields>(blocks, n_blocks, planes[i++]), ...);
}

}  // namespace

void repack_f32(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    if (n_blocks) std::memcpy(planes[0], blocks, n_blocks * 4);
}

void repack_f16(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    if (n_blocks) std::memcpy(planes[0], blocks, n_blocks * 2);
}

void repack_q8_0(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<34, Field{2, 32}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_q4_0(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<18, Field{2, 16}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_q4_1(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<20, Field{4, 16}, Field{0, 4}>(blocks, n_blocks, planes);
}

void repack_q5_0(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<22, Field{6, 16}, Field{2, 4}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_q5_1(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<24, Field{8, 16}, Field{4, 4}, Field{0, 4}>(blocks, n_blocks, planes);
}

void repack_q4_k(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<144, Field{16, 128}, Field{0, 16}>(blocks, n_blocks, planes);
}

void repack_q5_k(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<176, Field{48, 128}, Field{16, 32}, Field{0, 16}>(blocks, n_blocks, planes);
}

void repack_q6_k(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<210, Field{0, 128}, Field{128, 64}, Field{192, 16}, Field{208, 2}>(blocks, n_blocks,
                                                                             planes);
}

void repack_q2_k(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<84, Field{16, 64}, Field{0, 16}, Field{80, 4}>(blocks, n_blocks, planes);
}

void repack_q3_k(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<110, Field{32, 64}, Field{0, 32}, Field{96, 12}, Field{108, 2}>(blocks, n_blocks, planes);
}

void repack_iq4_xs(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<136, Field{8, 128}, Field{0, 8}>(blocks, n_blocks, planes);
}

void repack_iq3_s(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<110, Field{2, 72}, Field{74, 36}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq3_xxs(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<98, Field{2, 64}, Field{66, 32}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq2_s(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<82, Field{2, 64}, Field{66, 16}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq2_xs(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<74, Field{2, 64}, Field{66, 8}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq2_xxs(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<66, Field{2, 64}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq1_s(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<50, Field{2, 32}, Field{34, 16}, Field{0, 2}>(blocks, n_blocks, planes);
}

void repack_iq1_m(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<56, Field{0, 32}, Field{32, 16}, Field{48, 8}>(blocks, n_blocks, planes);
}

void repack_mxfp4(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<17, Field{1, 16}, Field{0, 1}>(blocks, n_blocks, planes);
}

void repack_nvfp4(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<36, Field{4, 32}, Field{0, 4}>(blocks, n_blocks, planes);
}

void repack_tq1_0(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<54, Field{0, 48}, Field{48, 4}, Field{52, 2}>(blocks, n_blocks, planes);
}

void repack_tq2_0(const std::byte* blocks, size_t n_blocks, std::byte* const* planes) {
    split<66, Field{0, 64}, Field{64, 2}>(blocks, n_blocks, planes);
}

}  // namespace detail

PlaneLayout plane_layout(DType dtype, uint64_t n_blocks) {
    const DTypeInfo& info = dtype_info(dtype);
    M2W_ASSERT(info.repack != nullptr);
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
