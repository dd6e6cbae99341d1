// nbits.h — matrices of 2-, 4- or 8-bit codes with a scale and a zero point for each block of a
// row, in the layout of ONNX Runtime's MatMulNBits and GatherBlockQuantized. Knows no tensor; no
// GGUF type says it, because block size and zero points vary.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "gguf/repack.h"
#include "gguf/result.h"

namespace m2w {

/// Weight k of a row is (code k - zero point) * scale, those of its block k / block. The last block
/// of a row may be longer than the row; its codes behind the row mean nothing. Codes are packed
/// from the lowest bit on. A file has three arrays, which are also the planes on the device: codes
/// [rows][blocks][block * bits / 8], scales [rows][blocks], zero points [rows][...], where each row
/// of packed ones starts on a byte. Source: ONNX Runtime, contrib operators
/// (docs/ContribOperators.md).
struct NBits {
    enum class Zero : uint8_t { middle, codes, floats };  // 2^(bits - 1); packed; as the scales

    uint32_t bits = 4;
    uint32_t block = 32;  // weights that share a scale
    Zero zero = Zero::middle;
    bool halves = false;  // scales and float zero points are f16, not f32
    /// Matrix products round their activations to 8 bits first, those of each group of k with a
    /// scale of their own (round_to_int8), and sum integers inside a group: accuracy level 4.
    bool int8_activations = false;

    /// Activations that are rounded together. Of larger blocks it is a part: a scale for 128 of
    /// them costs up to 1.2e-2, for 32 less than 1e-2 (the golden cases of tests/kernels).
    uint32_t activation_group() const { return block < 32 ? block : 32; }

    uint64_t blocks(uint64_t cols) const { return (cols + block - 1) / block; }
    /// Bytes a row.
    uint64_t code_bytes(uint64_t cols) const { return blocks(cols) * block / 8 * bits; }
    uint64_t scale_bytes(uint64_t cols) const { return blocks(cols) * (halves ? 2 : 4); }
    uint64_t zero_bytes(uint64_t cols) const;

    bool operator==(const NBits&) const = default;
};

/// Plane of a kind of zero points; 0 and 1 are codes and scales. Of planes 2 and 3 at least one is
/// empty.
constexpr uint32_t kZeroCodesPlane = 2, kZeroFloatsPlane = 3;

/// Where the planes of a [rows][cols] matrix lie; all four count.
PlaneLayout nbits_layout(const NBits& format, uint64_t rows, uint64_t cols);

/// Errors: unsupported (bits or block), shape_mismatch (arrays of other sizes than [rows][cols]
/// has).
Result<void> check_nbits(const NBits& format, uint64_t rows, uint64_t cols, uint64_t codes_bytes,
                         uint64_t scales_bytes, uint64_t zeros_bytes);

/// The nearest multiples q * s, q = -127 .. 127 and s = largest magnitude / 127, of each group of
/// a row; ties go to even q, and groups with a subnormal s to 0. x: f32 [rows][cols], changed in
/// place.
void round_to_int8(uint32_t group, uint64_t cols, std::span<float> x);

/// Decodes one row from planes in the layout of [rows][cols]: f32 [cols].
void decode_nbits_row(const NBits& format, const std::byte* planes, const PlaneLayout& layout,
                      uint64_t cols, uint64_t row, float* out);

}  // namespace m2w
