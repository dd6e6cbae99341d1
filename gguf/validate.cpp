// validate.cpp — NaN and infinity in weight data. Looks at the floats of a block only: the integer
// fields cannot make a weight infinite.
#include "gguf/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gguf/pieces.h"

namespace m2w::gguf {
namespace {

// All exponent bits set: NaN or infinity.
constexpr uint16_t kF16Exponent = 0x7c00, kBf16Exponent = 0x7f80;
constexpr uint32_t kF32Exponent = 0x7f800000;
constexpr uint64_t kF64Exponent = 0x7ff0000000000000;

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

template <class Word>
bool any_non_finite(const std::byte* words, uint32_t n, Word exponent) {
    for (uint32_t i = 0; i < n; i++)
        if (non_finite(words + i * sizeof(Word), exponent)) return true;
    return false;
}

/// 255 is NaN; above 252 the largest E2M1 number, 6, is more than a float holds.
bool e8m0_overflows(const std::byte* bytes, uint32_t n) {
    constexpr auto kMost = std::byte{252};
    return std::any_of(bytes, bytes + n, [&](std::byte b) { return b > kMost; });
}

bool e4m3_is_nan(const std::byte* bytes, uint32_t n) {
    constexpr auto kNan = std::byte{0x7f};  // with any sign
    return std::any_of(bytes, bytes + n, [&](std::byte b) { return (b & kNan) == kNan; });
}

/// The exponent's five bits are those above bit 10 of the half: of its last nibble, and of the one
/// before.
bool quarters_non_finite(const std::byte* words) {
    return (words[7] & std::byte{0x70}) == std::byte{0x70} &&
           (words[5] & std::byte{0xc0}) == std::byte{0xc0};
}

/// The floats of many blocks, at equal distances.
struct FloatRun {
    const std::byte* first;
    size_t step;
};

template <class IsBad>
size_t find_block(FloatRun floats, size_t n, const IsBad& is_bad) {
    for (size_t i = 0; i < n; i++)
        if (is_bad(floats.first + i * floats.step)) return i;
    return n;
}

size_t find_non_finite(const DTypeInfo& info, FloatRun floats, size_t n_blocks) {
    const uint32_t count = info.floats.count;
    switch (info.floats.format) {
        case FloatFormat::f32:
            return find_word(floats.first, n_blocks, kF32Exponent);
        case FloatFormat::bf16:
            return find_word(floats.first, n_blocks, kBf16Exponent);
        case FloatFormat::f64:
            return find_word(floats.first, n_blocks, kF64Exponent);
        case FloatFormat::f16:
            if (info.block_elems == 1) return find_word(floats.first, n_blocks, kF16Exponent);
            return find_block(floats, n_blocks, [&](const std::byte* at) {
                return any_non_finite(at, count, kF16Exponent);
            });
        case FloatFormat::f16_quarters:
            return find_block(floats, n_blocks, quarters_non_finite);
        case FloatFormat::e8m0:
            return find_block(floats, n_blocks,
                              [&](const std::byte* at) { return e8m0_overflows(at, count); });
        case FloatFormat::e4m3:
            return find_block(floats, n_blocks,
                              [&](const std::byte* at) { return e4m3_is_nan(at, count); });
        case FloatFormat::none:
            break;
    }
    return n_blocks;
}

}  // namespace

size_t find_non_finite_block(DType dtype, const std::byte* blocks, size_t n_blocks) {
    const DTypeInfo& info = dtype_info(dtype);
    if (n_blocks == 0) return 0;
    return find_non_finite(info, {blocks + info.floats.offset, info.block_bytes}, n_blocks);
}

size_t find_non_finite_in_planes(DType dtype, const std::byte* const* planes, size_t n_blocks) {
    const DTypeInfo& info = dtype_info(dtype);
    for (uint32_t i = 0; i < info.n_planes(); i++) {
        const auto& [name, bytes, offset] = info.planes[i];
        if (info.floats.offset < offset || info.floats.offset >= offset + bytes) continue;
        return find_non_finite(info, {planes[i] + (info.floats.offset - offset), bytes}, n_blocks);
    }
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
