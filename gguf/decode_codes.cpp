// decode_codes.cpp — types whose weights are codes of one to four bits times a scale, to float:
// tables of 16 values, ternary digits, single bits. Reads any alignment; any byte pattern is a
// valid block (a NaN scale gives NaN weights).
#include <cmath>
#include <cstdint>
#include <limits>

#include "gguf/blocks.h"
#include "gguf/dtype_impl.h"
#include "gguf/float16.h"

// Block layouts as in ggml-common.h (ggml-org/ggml). No product rounds.
namespace m2w::detail {
namespace {

struct BlockIq4Nl {
    uint16_t d;
    uint8_t qs[16];
};
struct BlockIq4Xs {
    uint16_t d, scales_high;
    uint8_t scales_low[4], qs[128];
};
struct BlockMxfp4 {
    uint8_t e, qs[16];
};
struct BlockNvfp4 {
    uint8_t d[4], qs[32];
};
struct BlockTq1 {
    uint8_t qs[48], qh[4];
    uint16_t d;
};
struct BlockTq2 {
    uint8_t qs[64];
    uint16_t d;
};
struct BlockQ1_0 {
    uint16_t d;
    uint8_t qs[16];
};
struct BlockQ2_0 {
    uint16_t d;
    uint8_t qs[16];
};
static_assert(sizeof(BlockIq4Nl) == 18 && sizeof(BlockIq4Xs) == 136);
static_assert(sizeof(BlockMxfp4) == 17 && sizeof(BlockNvfp4) == 36);
static_assert(sizeof(BlockTq1) == 54 && sizeof(BlockTq2) == 66);
static_assert(sizeof(BlockQ1_0) == 18 && sizeof(BlockQ2_0) == 18);

/// What the codes of IQ4_NL and IQ4_XS stand for.
constexpr float kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                  1,    13,   25,  38,  53,  69,  89,  113};
/// E2M1 of the OCP microscaling formats: sign, two bits of exponent, one of mantissa.
constexpr float kE2m1Values[16] = {0,     0.5f,  1,  1.5f,  2,  3,  4,  6,
                                   -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

/// n bytes: first all low nibbles, then all high ones.
float* put_nibbles(float* out, const uint8_t* qs, int n, const float (&values)[16], float scale) {
    for (int j = 0; j < n; j++) {
        out[j] = scale * values[qs[j] & 15];
        out[j + n] = scale * values[qs[j] >> 4];
    }
    return out + 2 * n;
}

/// E8M0: a power of two, or NaN.
float e8m0_to_f32(uint8_t e) {
    return e == 255 ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, int(e) - 127);
}

/// E4M3 without infinities; bit 7 is a sign that scales do not use.
float e4m3_to_f32(uint8_t bits) {
    const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
    if ((bits & 127) == 127) return std::numeric_limits<float>::quiet_NaN();
    return exponent == 0 ? std::ldexp(float(mantissa), -9)
                         : std::ldexp(float(8 + mantissa), exponent - 10);
}

/// Digit n (0: the first) of a byte that stands for the fraction byte / 256 in base three.
int ternary_digit(uint8_t byte, int n) {
    constexpr int kPower[] = {1, 3, 9, 27, 81};
    return uint8_t(byte * kPower[n]) * 3 >> 8;
}

/// Digit after digit of n bytes.
float* put_ternary(float* out, const uint8_t* bytes, int n, int n_digits, float d) {
    for (int digit = 0; digit < n_digits; digit++)
        for (int j = 0; j < n; j++) *out++ = d * float(ternary_digit(bytes[j], digit) - 1);
    return out;
}

}  // namespace

void decode_iq4_nl(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq4Nl>(blocks, n_blocks, [&](const BlockIq4Nl& b) {
        out = put_nibbles(out, b.qs, 16, kIq4Values, f16_to_f32(b.d));
    });
}

void decode_iq4_xs(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq4Xs>(blocks, n_blocks, [&](const BlockIq4Xs& b) {
        const float d = f16_to_f32(b.d);
        for (int g = 0; g < 8; g++) {
            const int low = (b.scales_low[g / 2] >> (4 * (g % 2))) & 15;
            const int scale = (low | ((b.scales_high >> (2 * g)) & 3) << 4) - 32;
            out = put_nibbles(out, b.qs + 16 * g, 16, kIq4Values, d * float(scale));
        }
    });
}

void decode_mxfp4(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockMxfp4>(blocks, n_blocks, [&](const BlockMxfp4& b) {
        out = put_nibbles(out, b.qs, 16, kE2m1Values, e8m0_to_f32(b.e));
    });
}

void decode_nvfp4(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockNvfp4>(blocks, n_blocks, [&](const BlockNvfp4& b) {
        for (int g = 0; g < 4; g++)
            out = put_nibbles(out, b.qs + 8 * g, 8, kE2m1Values, e4m3_to_f32(b.d[g]));
    });
}

void decode_tq1_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockTq1>(blocks, n_blocks, [&](const BlockTq1& b) {
        const float d = f16_to_f32(b.d);
        out = put_ternary(out, b.qs, 32, 5, d);
        out = put_ternary(out, b.qs + 32, 16, 5, d);
        out = put_ternary(out, b.qh, 4, 4, d);
    });
}

void decode_tq2_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockTq2>(blocks, n_blocks, [&](const BlockTq2& b) {
        const float d = f16_to_f32(b.d);
        for (int i = 0; i < 256; i++) {
            const int byte = b.qs[i / 128 * 32 + i % 32];
            *out++ = d * float(((byte >> (i % 128 / 32 * 2)) & 3) - 1);
        }
    });
}

void decode_q1_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockQ1_0>(blocks, n_blocks, [&](const BlockQ1_0& b) {
        const float d = f16_to_f32(b.d);
        for (int i = 0; i < 128; i++) *out++ = (b.qs[i / 8] >> (i % 8)) & 1 ? d : -d;
    });
}

void decode_q2_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockQ2_0>(blocks, n_blocks, [&](const BlockQ2_0& b) {
        const float d = f16_to_f32(b.d);
        for (int i = 0; i < 64; i++) *out++ = d * float(((b.qs[i / 4] >> (i % 4 * 2)) & 3) - 1);
    });
}

}  // namespace m2w::detail
