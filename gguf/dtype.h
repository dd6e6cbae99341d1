// dtype.h — the table of weight types: one row each, with block geometry, decoder and device
// planes. Knows no tensor.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace m2w {

/// Every tensor type that a GGUF file may name. The order is the table's; GGUF's own ids are in the
/// rows.
enum class DType : uint8_t {
    f32,
    f16,
    bf16,
    q8_0,
    q4_0,
    q4_1,
    q5_0,
    q5_1,
    q4_k,
    q5_k,
    q6_k,
    q2_k,
    q3_k,
    iq4_nl,
    iq4_xs,
    iq3_s,
    iq3_xxs,
    iq2_s,
    iq2_xs,
    iq2_xxs,
    iq1_s,
    iq1_m,
    mxfp4,
    nvfp4,
    tq1_0,
    tq2_0,
    q1_0,
    q2_0,
    // named and sized, so that a file with them can be listed; no matrix of a model has them
    q8_1,
    q8_k,
    i8,
    i16,
    i32,
    i64,
    f64,
    count
};

/// One device plane of a repacked type: the same field of all blocks, contiguous, in block order.
struct PlaneInfo {
    std::string_view name;         // "qs", "d", ... as in the kernels' load_<format>.glsl
    uint32_t bytes_per_block = 0;  // 0 ends the list
    uint32_t block_offset = 0;     // where the field lies in the block of the file
};

/// How a float of a block is written. e8m0 and e4m3: scales of the OCP microscaling formats;
/// f16_quarters: a half whose nibbles are the top ones of four 16-bit words.
enum class FloatFormat : uint8_t { none, f16, bf16, f32, f64, e8m0, e4m3, f16_quarters };

/// The floats of a block, side by side: the weights themselves, or scales and minimums.
struct FloatFields {
    FloatFormat format = FloatFormat::none;
    uint32_t offset = 0;  // bytes from the start of the block
    uint32_t count = 0;
};

/// Facts of one type. Blocks run along a row; a row is a whole number of blocks.
struct DTypeInfo {
    DType dtype;
    std::string_view name;  // as the field prints it: "Q4_K"
    uint32_t gguf_id;       // ggml type id in the file
    uint32_t block_elems;   // weights in a block
    uint32_t block_bytes;   // bytes of a block in the file
    FloatFields floats;     // all other fields are integers
    /// Decodes whole blocks to float. blocks: [n_blocks][block_bytes]; out:
    /// [n_blocks][block_elems]. Null: not supported.
    void (*decode)(const std::byte* blocks, size_t n_blocks, float* out);
    /// How repack.h takes a block apart; none: not supported.
    PlaneInfo planes[4] = {};
    /// What indices of the block stand for (gguf/grids.h); kernels read it behind the planes.
    /// Empty: the type needs none.
    std::span<const uint16_t> grid = {};

    /// Planes that hold the block; the grid is not one of them.
    uint32_t n_planes() const;
};

/// The row of a type.
const DTypeInfo& dtype_info(DType dtype);

/// The row for a GGUF type id, or nullptr for an id that is unknown or was removed from the format.
const DTypeInfo* dtype_from_gguf_id(uint32_t gguf_id);

/// All rows, in enum order.
std::span<const DTypeInfo> all_dtypes();

}  // namespace m2w
