// nbits.cpp — sizes, planes and rows of n-bit codes. Moves no bytes.
#include "gguf/nbits.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "gguf/float16.h"

namespace m2w {
namespace {

uint32_t code_at(const std::byte* codes, uint64_t index, uint32_t bits) {
    const uint64_t bit = index * bits;
    return (uint32_t(codes[bit / 8]) >> (bit % 8)) & ((1u << bits) - 1);
}

float float_at(const std::byte* floats, uint64_t index, bool halves) {
    uint16_t half;
    float value;
    if (!halves) {
        std::memcpy(&value, floats + index * sizeof(value), sizeof(value));
        return value;
    }
    std::memcpy(&half, floats + index * sizeof(half), sizeof(half));
    return f16_to_f32(half);
}

/// Below, scales have no finite inverse, and devices may take them for 0.
constexpr float kLeastScale = std::numeric_limits<float>::min();

Result<void> check_size(const char* what, uint64_t found, uint64_t expected) {
    if (found == expected) return {};
    return Error{
        Category::shape_mismatch,
        fmt::format("{} of n-bit codes take {} bytes, expected {}", what, found, expected)};
}

}  // namespace

uint64_t NBits::zero_bytes(uint64_t cols) const {
    switch (zero) {
        case Zero::codes:
            return (blocks(cols) * bits + 7) / 8;
        case Zero::floats:
            return scale_bytes(cols);
        case Zero::middle:
            break;
    }
    return 0;
}

PlaneLayout nbits_layout(const NBits& format, uint64_t rows, uint64_t cols) {
    const uint64_t zeros = rows * format.zero_bytes(cols);
    const uint64_t sizes[] = {rows * format.code_bytes(cols), rows * format.scale_bytes(cols),
                              format.zero == NBits::Zero::codes ? zeros : 0,
                              format.zero == NBits::Zero::floats ? zeros : 0};
    PlaneLayout layout;
    for (const uint64_t size : sizes) {
        layout.offset_bytes[layout.count++] = layout.size_bytes;
        layout.size_bytes = (layout.size_bytes + size + 15) / 16 * 16;
    }
    return layout;
}

Result<void> check_nbits(const NBits& format, uint64_t rows, uint64_t cols, uint64_t codes_bytes,
                         uint64_t scales_bytes, uint64_t zeros_bytes) {
    const bool known_bits = format.bits == 2 || format.bits == 4 || format.bits == 8;
    if (!known_bits || format.block < 16 || format.block > 256 ||
        !std::has_single_bit(format.block))
        return Error{
            Category::unsupported,
            fmt::format("codes of {} bits in blocks of {}; 2, 4 and 8 bits in blocks of 16, "
                        "32, 64, 128 and 256 are supported",
                        format.bits, format.block)};
    TRY(check_size("codes", codes_bytes, rows * format.code_bytes(cols)));
    TRY(check_size("scales", scales_bytes, rows * format.scale_bytes(cols)));
    return check_size("zero points", zeros_bytes, rows * format.zero_bytes(cols));
}

void round_to_int8(uint32_t group, uint64_t cols, std::span<float> x) {
    for (uint64_t row = 0; row < x.size(); row += cols) {
        for (uint64_t k = 0; k < cols; k += group) {
            const auto values = x.subspan(row + k, std::min<uint64_t>(group, cols - k));
            float largest = 0;
            for (const float v : values) largest = std::max(largest, std::abs(v));
            const float scale = largest / 127;
            const float inverse = scale < kLeastScale ? 0 : 1 / scale;
            for (float& v : values) v = std::nearbyint(v * inverse) * scale;
        }
    }
}

void decode_nbits_row(const NBits& format, const std::byte* planes, const PlaneLayout& layout,
                      uint64_t cols, uint64_t row, float* out) {
    const uint64_t blocks = format.blocks(cols);
    const std::byte* codes = planes + layout.offset_bytes[0] + row * format.code_bytes(cols);
    const std::byte* scales = planes + layout.offset_bytes[1];
    const std::byte* zero_codes =
        planes + layout.offset_bytes[kZeroCodesPlane] + row * format.zero_bytes(cols);
    for (uint64_t k = 0; k < cols; k++) {
        const uint64_t in_row = k / format.block, block = row * blocks + in_row;
        float zero = float(1u << (format.bits - 1));
        if (format.zero == NBits::Zero::codes)
            zero = float(code_at(zero_codes, in_row, format.bits));
        if (format.zero == NBits::Zero::floats)
            zero = float_at(planes + layout.offset_bytes[kZeroFloatsPlane], block, format.halves);
        out[k] =
            (float(code_at(codes, k, format.bits)) - zero) * float_at(scales, block, format.halves);
    }
}

}  // namespace m2w
