// repack.h — the device layout of a weight matrix: where each plane lies, and the way there and
// back. The only definition of it; kernels (GLSL, WGSL) and shards read these bytes. The bytes are
// those of the file, permuted: no field changes its value.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "gguf/dtype.h"

namespace m2w {

/// Byte offsets of the planes of a [rows][cols] matrix inside its device buffer. Each plane starts
/// on 16 bytes and holds one field of every block in row-major block order, so blocks [a, b) of
/// plane i lie at offset_bytes[i] + a * bytes_per_block. The matrix ends on 16 bytes too. A type
/// with a grid has it as one more plane behind the others, uint16 as in its row of the type table.
struct PlaneLayout {
    uint32_t count = 0;  // with the grid
    std::array<uint64_t, 4> offset_bytes{};
    uint64_t size_bytes = 0;
};

/// The layout for n_blocks blocks of a type that has planes.
PlaneLayout plane_layout(DType dtype, uint64_t n_blocks);

/// Splits whole blocks into the planes of their type, which has some. blocks:
/// [n_blocks][block_bytes]; planes[i]: [n_blocks][planes[i].bytes_per_block].
void repack(const DTypeInfo& type, const std::byte* blocks, size_t n_blocks,
            std::byte* const* planes);

/// The way back: blocks as they were before repack().
void unrepack(const DTypeInfo& type, const std::byte* const* planes, size_t n_blocks,
              std::byte* blocks);

}  // namespace m2w
