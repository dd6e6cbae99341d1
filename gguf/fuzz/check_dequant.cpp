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
        default:
            M2W_ASSERT(false && "a type without a reference");
            return 0;
    }
}

/// Offsets of the halves that scale a block; a NaN there counts even where it meets no weight.
bool scales_are_finite(DType dtype, Block b) {
    switch (dtype) {
        case DType::q4_1:
        case DType::q5_1:
        case DType::q4_k:
        case DType::q5_k:
            return std::isfinite(half_at(b, 0)) && std::isfinite(half_at(b, 2));
        case DType::q8_0:
        case DType::q4_0:
        case DType::q5_0:
            return std::isfinite(half_at(b, 0));
        case DType::q6_k:
            return std::isfinite(half_at(b, 208));
        default:
            return true;
    }
}

void check_repack(const DTypeInfo& info, const std::byte* blocks, size_t n_blocks) {
    const PlaneLayout layout = plane_layout(info.dtype, n_blocks);
    std::vector<std::byte> buffer(layout.size_bytes);
    std::byte* planes[4] = {};
    for (uint32_t p = 0; p < layout.count; p++) planes[p] = buffer.data() + layout.offset_bytes[p];
    info.repack(blocks, n_blocks, planes);
    // As multisets of bytes, block by block; the tests know which field goes where.
    for (size_t i = 0; i < n_blocks; i++) {
        std::vector<std::byte> from_planes;
        for (uint32_t p = 0; p < layout.count; p++) {
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
