// check_dequant.cpp — a reference decoder in double, one weight at a time, against the real one.
#include "gguf/fuzz/check_dequant.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "gguf/dtype.h"
#include "gguf/repack.h"
#include "gguf/result.h"
#include "gguf/validate.h"

namespace m2w::fuzz {
namespace {

using Block = const uint8_t*;

double float_of(uint64_t bits, int exponent_bits, int mantissa_bits) {
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const double sign = bits >> (exponent_bits + mantissa_bits) & 1 ? -1.0 : 1.0;
    const int exponent = int(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const double mantissa = double(bits & ((uint64_t(1) << mantissa_bits) - 1));
    if (exponent == (1 << exponent_bits) - 1)
        return mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                             : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
    return sign * std::ldexp(1.0 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
}

double half_at(Block b, int at) {
    return float_of(uint64_t(b[at] | b[at + 1] << 8), 5, 10);
}

/// `count` bits from bit `first` of the bytes at b, least significant first.
int bits_at(Block b, int first, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) value |= ((b[(first + i) / 8] >> ((first + i) % 8)) & 1) << i;
    return value;
}

/// Weight i of a block of 32: low or high nibble of byte i % 16, and the fifth bit, if there is
/// one.
int small_q(Block b, int i, int qs_at, int qh_at) {
    const int low = bits_at(b, 8 * (qs_at + i % 16) + 4 * (i / 16), 4);
    return qh_at < 0 ? low : low + 16 * bits_at(b, 8 * qh_at + i, 1);
}

double k_weight(Block b, int i, int qs_at, int qh_at) {
    const int group = i / 32, j = i % 32;
    const Block s = b + 4;
    int q = bits_at(b, 8 * (qs_at + 32 * (group / 2) + j) + 4 * (group % 2), 4);
    if (qh_at >= 0) q += 16 * bits_at(b, 8 * (qh_at + j) + group, 1);
    int scale, min;
    if (group < 4) {
        scale = s[group] & 63;
        min = s[group + 4] & 63;
    } else {
        scale = (s[group + 4] & 15) + 16 * (s[group - 4] >> 6);
        min = (s[group + 4] >> 4) + 16 * (s[group] >> 6);
    }
    return half_at(b, 0) * scale * q - half_at(b, 2) * min;
}

double q6_k_weight(Block b, int i) {
    const int half = i / 128, quarter = i % 128 / 32, j = i % 32;
    const int low = bits_at(b, 8 * (64 * half + 32 * (quarter % 2) + j) + 4 * (quarter / 2), 4);
    const int high = bits_at(b, 8 * (128 + 32 * half + j) + 2 * quarter, 2);
    return half_at(b, 208) * int8_t(b[192 + i / 16]) * (low + 16 * high - 32);
}

double e2m1(int code) {
    const int exponent = (code >> 1) & 3, mantissa = code & 1;
    return (code & 8 ? -1 : 1) *
           (exponent == 0 ? mantissa / 2.0 : std::ldexp(2 + mantissa, exponent - 2));
}

double q3_k_weight(Block b, int i) {
    const int group = i / 16;
    const int q = bits_at(b, 8 * (32 + 32 * (i / 128) + i % 32) + i % 128 / 32 * 2, 2) +
                  4 * bits_at(b, 8 * (i % 32) + i / 32, 1);
    const int scale = bits_at(b, 8 * (96 + group % 8) + 4 * (group / 8), 4) +
                      16 * bits_at(b, 8 * (104 + group % 4) + 2 * (group / 4), 2);
    return half_at(b, 108) * (scale - 32) * (q - 4);
}

/// Code i of entry `index` of the type's grid, codes of `width` bits.
int grid_code(DType dtype, int index, int i, int width) {
    return (dtype_info(dtype).grid[size_t(index)] >> (width * i)) & (width == 2 ? 3 : 7);
}

/// Sign i of eight: seven bits from bit `first`, then their parity.
int seven_signs(Block b, int first, int i) {
    int parity = 0;
    for (int j = 0; j < 7; j++) parity ^= bits_at(b, first + j, 1);
    return 1 - 2 * (i < 7 ? bits_at(b, first + i, 1) : parity);
}

double iq2_weight(DType dtype, Block b, int i) {
    constexpr double kValues[] = {8, 25, 43, 0};
    int index = 0, sign = 0, scale = 0;
    if (dtype == DType::iq2_xxs) {
        const int group = 8 * (2 + 8 * (i / 32)), j = i % 32 / 8;
        index = bits_at(b, group + 8 * j, 8);
        sign = seven_signs(b, group + 32 + 7 * j, i % 8);
        scale = bits_at(b, group + 60, 4);
    } else if (dtype == DType::iq2_xs) {
        const int at = 8 * (2 + 2 * (i / 8));
        index = bits_at(b, at, 9);
        sign = seven_signs(b, at + 9, i % 8);
        scale = bits_at(b, 8 * 66 + 4 * (i / 16), 4);
    } else {
        index = b[2 + i / 8] + 256 * bits_at(b, 8 * 66 + 2 * (i / 8), 2);
        sign = 1 - 2 * bits_at(b, 8 * 34 + i, 1);
        scale = bits_at(b, 8 * 74 + 4 * (i / 16), 4);
    }
    return half_at(b, 0) * (scale + 0.5) / 4 * kValues[grid_code(dtype, index, i % 8, 2)] * sign;
}

double iq3_weight(DType dtype, Block b, int i) {
    if (dtype == DType::iq3_xxs) {
        constexpr double kValues[] = {4, 12, 20, 28, 36, 44, 52, 62};
        const int signs = 8 * (66 + 4 * (i / 32));
        return half_at(b, 0) * (bits_at(b, signs + 28, 4) + 0.5) / 2 *
               kValues[grid_code(dtype, b[2 + i / 4], i % 4, 4)] *
               seven_signs(b, signs + 7 * (i % 32 / 8), i % 8);
    }
    const int index = b[2 + i / 4] + 256 * bits_at(b, 8 * 66 + i / 4, 1);
    return half_at(b, 0) * (1 + 2 * bits_at(b, 8 * 106 + 4 * (i / 32), 4)) *
           (1 + 2 * grid_code(dtype, index, i % 4, 4)) * (1 - 2 * bits_at(b, 8 * 74 + i, 1));
}

double iq1_weight(DType dtype, Block b, int i) {
    double d = 0;
    int index = 0, scale = 0, down = 0;
    if (dtype == DType::iq1_s) {
        const int qh = 8 * (34 + 2 * (i / 32));
        d = half_at(b, 0);
        index = b[2 + i / 8] + 256 * bits_at(b, qh + 3 * (i % 32 / 8), 3);
        scale = bits_at(b, qh + 12, 3);
        down = bits_at(b, qh + 15, 1);
    } else {
        const int qh = 8 * 32 + 4 * (i / 8);
        int half = 0;
        for (int quarter = 0; quarter < 4; quarter++)
            half += bits_at(b, 8 * 48 + 16 * quarter + 12, 4) << (4 * quarter);
        d = float_of(uint64_t(half), 5, 10);
        index = b[i / 8] + 256 * bits_at(b, qh, 3);
        scale = bits_at(b, 8 * 48 + 16 * (i / 64) + 3 * (i % 64 / 16), 3);
        down = bits_at(b, qh + 3, 1);
    }
    return d * (2 * scale + 1) * (grid_code(dtype, index, i % 8, 2) - 1 + (down ? -0.125 : 0.125));
}

int iq4_value(int code) {
    constexpr int kValues[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                               1,    13,   25,  38,  53,  69,  89,  113};
    return kValues[code];
}

double iq4_xs_weight(Block b, int i) {
    const int group = i / 32;
    const int scale = bits_at(b, 32 + 4 * group, 4) + 16 * bits_at(b, 16 + 2 * group, 2) - 32;
    return half_at(b, 0) * scale * iq4_value(small_q(b, i % 32, 8 + 16 * group, -1));
}

double nvfp4_weight(Block b, int i) {
    const int group = i / 16, code = b[group] & 127;
    const double scale = code == 127 ? std::numeric_limits<double>::quiet_NaN()
                         : code < 8  ? std::ldexp(code, -9)
                                     : std::ldexp(8 + code % 8, code / 8 - 10);
    return scale * e2m1(bits_at(b, 8 * (4 + 8 * group + i % 8) + i % 16 / 8 * 4, 4));
}

double tq1_0_weight(Block b, int i) {
    const int byte = i < 160 ? i % 32 : i < 240 ? 32 + i % 16 : 48 + i % 4;
    int rest = b[byte];
    for (int digit = i < 160   ? i / 32
                     : i < 240 ? (i - 160) / 16
                               : (i - 240) / 4;
         digit > 0; digit--)
        rest = rest * 3 % 256;
    return half_at(b, 52) * (rest * 3 / 256 - 1);
}

double reference_weight(DType dtype, Block b, int i) {
    uint32_t word = 0;
    switch (dtype) {
        case DType::f32:
            std::memcpy(&word, b, 4);
            return float_of(word, 8, 23);
        case DType::f16:
            return half_at(b, 0);
        case DType::bf16:
            return float_of(uint64_t(b[0] | b[1] << 8), 8, 7);
        case DType::q8_0:
            return half_at(b, 0) * int8_t(b[2 + i]);
        case DType::q4_0:
            return half_at(b, 0) * (small_q(b, i, 2, -1) - 8);
        case DType::q4_1:
            return half_at(b, 0) * small_q(b, i, 4, -1) + half_at(b, 2);
        case DType::q5_0:
            return half_at(b, 0) * (small_q(b, i, 6, 2) - 16);
        case DType::q5_1:
            return half_at(b, 0) * small_q(b, i, 8, 4) + half_at(b, 2);
        case DType::q4_k:
            return k_weight(b, i, 16, -1);
        case DType::q5_k:
            return k_weight(b, i, 48, 16);
        case DType::q6_k:
            return q6_k_weight(b, i);
        case DType::q2_k:
            return half_at(b, 80) * bits_at(b, 8 * (i / 16), 4) *
                       bits_at(b, 8 * (16 + 32 * (i / 128) + i % 32) + i % 128 / 32 * 2, 2) -
                   half_at(b, 82) * bits_at(b, 8 * (i / 16) + 4, 4);
        case DType::q3_k:
            return q3_k_weight(b, i);
        case DType::iq4_nl:
            return half_at(b, 0) * iq4_value(small_q(b, i, 2, -1));
        case DType::iq4_xs:
            return iq4_xs_weight(b, i);
        case DType::iq3_s:
        case DType::iq3_xxs:
            return iq3_weight(dtype, b, i);
        case DType::iq2_s:
        case DType::iq2_xs:
        case DType::iq2_xxs:
            return iq2_weight(dtype, b, i);
        case DType::iq1_s:
        case DType::iq1_m:
            return iq1_weight(dtype, b, i);
        case DType::mxfp4:
            return (b[0] == 255 ? std::numeric_limits<double>::quiet_NaN()
                                : std::ldexp(1.0, b[0] - 127)) *
                   e2m1(small_q(b, i, 1, -1));
        case DType::nvfp4:
            return nvfp4_weight(b, i);
        case DType::tq1_0:
            return tq1_0_weight(b, i);
        case DType::tq2_0:
            return half_at(b, 64) *
                   (bits_at(b, 8 * (32 * (i / 128) + i % 32) + i % 128 / 32 * 2, 2) - 1);
        case DType::q1_0:
            return half_at(b, 0) * (2 * bits_at(b, 16 + i, 1) - 1);
        case DType::q2_0:
            return half_at(b, 0) * (bits_at(b, 16 + 2 * i, 2) - 1);
        default:
            M2W_ASSERT(false && "a type without a reference");
            return 0;
    }
}

/// Whether the scales of a block are numbers and, where they are exponents, small enough for all
/// weights; a NaN there counts even where it meets no weight.
bool scales_are_finite(DType dtype, Block b) {
    switch (dtype) {
        case DType::q4_1:
        case DType::q5_1:
        case DType::q4_k:
        case DType::q5_k:
            return std::isfinite(half_at(b, 0)) && std::isfinite(half_at(b, 2));
        case DType::q2_k:
            return std::isfinite(half_at(b, 80)) && std::isfinite(half_at(b, 82));
        case DType::q6_k:
            return std::isfinite(half_at(b, 208));
        case DType::q3_k:
            return std::isfinite(half_at(b, 108));
        case DType::tq1_0:
            return std::isfinite(half_at(b, 52));
        case DType::tq2_0:
            return std::isfinite(half_at(b, 64));
        case DType::mxfp4:
            return b[0] <= 252;
        case DType::nvfp4:
            return b[0] % 128 != 127 && b[1] % 128 != 127 && b[2] % 128 != 127 && b[3] % 128 != 127;
        case DType::f32:    // the weights themselves
        case DType::bf16:   //
        case DType::iq1_m:  // no weight is without the scale
            return true;
        default:
            return std::isfinite(half_at(b, 0));
    }
}

void check_repack(const DTypeInfo& info, const std::byte* blocks, size_t n_blocks) {
    const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
    std::vector<std::byte> buffer(layout.size_bytes);
    std::byte* planes[4] = {};
    for (uint32_t p = 0; p < info.n_planes(); p++)
        planes[p] = buffer.data() + layout.offset_bytes[p];
    repack(info, blocks, n_blocks, planes);
    // As multisets of bytes, block by block; the tests know which field goes where.
    for (size_t i = 0; i < n_blocks; i++) {
        std::vector<std::byte> from_planes;
        for (uint32_t p = 0; p < info.n_planes(); p++) {
            const std::byte* at = planes[p] + i * info.planes[p].bytes_per_block;
            from_planes.insert(from_planes.end(), at, at + info.planes[p].bytes_per_block);
        }
        std::vector<std::byte> block(blocks + i * info.block_bytes,
                                     blocks + (i + 1) * info.block_bytes);
        std::sort(from_planes.begin(), from_planes.end());
        std::sort(block.begin(), block.end());
        M2W_ASSERT(from_planes == block);
    }
}

}  // namespace

void check_dequant(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const DTypeInfo& info = all_dtypes()[size_t(bytes[0]) % all_dtypes().size()];
    const size_t n_blocks = (bytes.size() - 1) / info.block_bytes;
    // A copy of exactly the blocks: reading past them is then an error that a sanitizer sees.
    const std::vector<std::byte> blocks(bytes.begin() + 1,
                                        bytes.begin() + 1 + ptrdiff_t(n_blocks * info.block_bytes));
    const size_t bad = gguf::find_non_finite_block(info.dtype, blocks.data(), n_blocks);
    M2W_ASSERT(bad <= n_blocks);
    if (!info.decode) return;
    std::vector<float> weights(n_blocks * info.block_elems);
    info.decode(blocks.data(), n_blocks, weights.data());
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = reinterpret_cast<Block>(blocks.data() + i * info.block_bytes);
        bool finite = scales_are_finite(info.dtype, block);
        for (uint32_t j = 0; j < info.block_elems; j++) {
            const float got = weights[i * info.block_elems + j];
            const float expected = float(reference_weight(info.dtype, block, int(j)));
            M2W_ASSERT(got == expected || (std::isnan(got) && std::isnan(expected)));
            finite = finite && std::isfinite(got);
        }
        if (i < bad) M2W_ASSERT(finite);
        if (i == bad) M2W_ASSERT(!finite);
    }
    check_repack(info, blocks.data(), n_blocks);
}

}  // namespace m2w::fuzz
