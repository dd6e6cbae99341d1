// validate.cpp — NaN and infinity in weight data. Looks at the floats of a block only: the integer
// fields cannot make a weight infinite.
#include "gguf/validate.h"

#include <fmt/format.h>

#include <cstring>

#include "gguf/pieces.h"

namespace m2w::gguf {
namespace {

// All exponent bits set: NaN or infinity.
constexpr uint16_t kF16Exponent = 0x7c00, kBf16Exponent = 0x7f80;
constexpr uint32_t kF32Exponent = 0x7f800000;
constexpr uint64_t kF64Exponent = 0x7ff0000000000000;

/// The floats of one block: `count` words at `offset`, and the word's exponent bits.
struct FloatField {
    uint32_t offset = 0, count = 0;
};

/// Halves in the blocks of the quantised types (f16 d, d and m, or d and dmin: decode.cpp).
FloatField half_fields(DType dtype) {
    switch (dtype) {
        case DType::q8_0:
        case DType::q4_0:
        case DType::q5_0:
            return {0, 1};
        case DType::q4_1:
        case DType::q5_1:
        case DType::q4_k:
        case DType::q5_k:
            return {0, 2};
        case DType::q6_k:
            return {208, 1};
        default:
            return {};
    }
}

template <class Word>
bool non_finite(const std::byte* at, Word exponent) {
    Word word;
    std::memcpy(&word, at, sizeof(Word));
    return (word & exponent) == exponent;
}

template <class Word>
size_t find_word(const std::byte* words, size_t n, Word exponent) {
    // Counted in runs without a branch, so that the usual case vectorises.
    constexpr size_t kRun = 1024;
    for (size_t start = 0; start < n; start += kRun) {
        const size_t end = std::min(n, start + kRun);
        uint32_t n_bad = 0;
        for (size_t i = start; i < end; i++)
            n_bad += non_finite(words + i * sizeof(Word), exponent);
        if (n_bad == 0) continue;
        for (size_t i = start; i < end; i++)
            if (non_finite(words + i * sizeof(Word), exponent)) return i;
    }
    return n;
}

}  // namespace

size_t find_non_finite_block(DType dtype, const std::byte* blocks, size_t n_blocks) {
    switch (dtype) {
        case DType::f32:
            return find_word(blocks, n_blocks, kF32Exponent);
        case DType::f16:
            return find_word(blocks, n_blocks, kF16Exponent);
        case DType::bf16:
            return find_word(blocks, n_blocks, kBf16Exponent);
        case DType::f64:
            return find_word(blocks, n_blocks, kF64Exponent);
        default:
            break;
    }
    const FloatField field = half_fields(dtype);
    if (field.count == 0) return n_blocks;
    const uint32_t block_bytes = dtype_info(dtype).block_bytes;
    for (size_t i = 0; i < n_blocks; i++)
        for (uint32_t f = 0; f < field.count; f++)
            if (non_finite(blocks + i * block_bytes + field.offset + 2 * f, kF16Exponent)) return i;
    return n_blocks;
}

Error non_finite_error(const File& file, const TensorInfo& tensor, uint64_t block) {
    const DTypeInfo& dtype = dtype_info(tensor.dtype);
    return Error{
        Category::nan_scale,
        fmt::format("{}: NaN or infinity in {} block {}, weights {} and on ({})", tensor.name,
                    dtype.name, block, block * dtype.block_elems, file.source(tensor).name())};
}

Result<void> check_finite(const File& file, const TensorInfo& tensor) {
    return detail::for_each_piece(
        file, tensor,
        [&](const std::byte* blocks, uint64_t first, uint64_t n_blocks) -> Result<void> {
            const size_t bad = find_non_finite_block(tensor.dtype, blocks, size_t(n_blocks));
            if (bad != n_blocks) return non_finite_error(file, tensor, first + bad);
            return {};
        });
}

}  // namespace m2w::gguf
