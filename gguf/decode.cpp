// decode.cpp — floats, the types with whole-number weights in blocks of 32, and the K types, to
// float (the others: decode_codes.cpp, decode_grids.cpp). Knows no tensor; reads any alignment; any
// byte pattern is a valid block (a NaN scale gives NaN weights).
#include <cstdint>
#include <cstring>

#include "gguf/blocks.h"
#include "gguf/dtype_impl.h"
#include "gguf/float16.h"

// Block layouts as in ggml-common.h (ggml-org/ggml); members are bytes or 16-bit words so that no
// padding can appear. Every product of a half and small integers is exact in float, so each weight
// is rounded at most once (by the subtraction or addition of the minimum).
namespace m2w::detail {
namespace {

struct BlockQ8_0 {
    uint16_t d;
    int8_t qs[32];
};
struct BlockQ4_0 {
    uint16_t d;
    uint8_t qs[16];
};
struct BlockQ4_1 {
    uint16_t d, m;
    uint8_t qs[16];
};
struct BlockQ5_0 {
    uint16_t d;
    uint8_t qh[4];
    uint8_t qs[16];
};
struct BlockQ5_1 {
    uint16_t d, m;
    uint8_t qh[4];
    uint8_t qs[16];
};
struct BlockQ2K {
    uint8_t scales[16];  // of each 16 weights: scale and minimum
    uint8_t qs[64];
    uint16_t d, dmin;
};
struct BlockQ3K {
    uint8_t high[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;
};
struct BlockQ4K {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qs[128];
};
struct BlockQ5K {
    uint16_t d, dmin;
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
};
struct BlockQ6K {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;
};
static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24);
static_assert(sizeof(BlockQ2K) == 84 && sizeof(BlockQ3K) == 110);
static_assert(sizeof(BlockQ4K) == 144 && sizeof(BlockQ5K) == 176 && sizeof(BlockQ6K) == 210);

/// The 32 five-bit numbers of a Q5_0 or Q5_1 block: low nibbles of all bytes, then high nibbles,
/// and bit i of the word as the fifth bit of number i.
struct FiveBits {
    uint8_t q[32];
};

FiveBits unpack_five_bits(const uint8_t (&qs)[16], const uint8_t (&qh)[4]) {
    FiveBits fifth, out;
    for (int i = 0; i < 4; i++) {
        // Eight bytes at once, byte k looking at bit k: keep that bit, carry it into bit 7,
        // make 16.
        uint64_t bytes = (qh[i] * 0x0101010101010101u) & 0x8040201008040201u;
        bytes = ((bytes + 0x7f7f7f7f7f7f7f7fu) & 0x8080808080808080u) >> 3;
        std::memcpy(fifth.q + 8 * i, &bytes, 8);
    }
    for (int j = 0; j < 16; j++) out.q[j] = uint8_t((qs[j] & 15) | fifth.q[j]);
    for (int j = 0; j < 16; j++) out.q[j + 16] = uint8_t((qs[j] >> 4) | fifth.q[j + 16]);
    return out;
}

/// The eight 6-bit scales and minimums that Q4_K and Q5_K pack into 12 bytes: the first four of
/// each in the low six bits of bytes 0-3 and 4-7; of the last four, the low nibbles share bytes
/// 8-11 and the high two bits sit atop bytes 0-3 and 4-7.
struct KScales {
    uint8_t scale[8], min[8];
};

KScales unpack_k_scales(const uint8_t (&packed)[12]) {
    KScales out;
    for (int j = 0; j < 4; j++) {
        const uint8_t a = packed[j], b = packed[j + 4], c = packed[j + 8];
        out.scale[j] = a & 63;
        out.min[j] = b & 63;
        out.scale[j + 4] = uint8_t((c & 15) | ((a >> 6) << 4));
        out.min[j + 4] = uint8_t((c >> 4) | ((b >> 6) << 4));
    }
    return out;
}

/// The sixteen 6-bit scales that Q3_K packs into 12 bytes: scale j in nibble j / 8 of byte j % 8,
/// its high two bits in bits 2 (j / 4) of byte 8 + j % 4.
int q3_k_scale(const uint8_t (&packed)[12], int j) {
    const int low = (packed[j % 8] >> (j / 8 * 4)) & 15;
    return (low | ((packed[8 + j % 4] >> (j / 4 * 2)) & 3) << 4) - 32;
}

}  // namespace

void decode_f32(const std::byte* blocks, size_t n_blocks, float* out) {
    if (n_blocks) std::memcpy(out, blocks, n_blocks * sizeof(float));
}

void decode_f16(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) out[i] = f16_to_f32(load<uint16_t>(blocks, i));
}

void decode_bf16(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) out[i] = bf16_to_f32(load<uint16_t>(blocks, i));
}

void decode_q8_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++, out += 32) {
        const auto block = load<BlockQ8_0>(blocks, i);
        const float d = f16_to_f32(block.d);
        for (int j = 0; j < 32; j++) out[j] = d * float(block.qs[j]);
    }
}

void decode_q4_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++, out += 32) {
        const auto block = load<BlockQ4_0>(blocks, i);
        const float d = f16_to_f32(block.d);
        for (int j = 0; j < 16; j++) out[j] = d * float((block.qs[j] & 15) - 8);
        for (int j = 0; j < 16; j++) out[j + 16] = d * float((block.qs[j] >> 4) - 8);
    }
}

void decode_q4_1(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++, out += 32) {
        const auto block = load<BlockQ4_1>(blocks, i);
        const float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
        for (int j = 0; j < 16; j++) out[j] = d * float(block.qs[j] & 15) + m;
        for (int j = 0; j < 16; j++) out[j + 16] = d * float(block.qs[j] >> 4) + m;
    }
}

void decode_q5_0(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++, out += 32) {
        const auto block = load<BlockQ5_0>(blocks, i);
        const float d = f16_to_f32(block.d);
        const FiveBits five = unpack_five_bits(block.qs, block.qh);
        for (int j = 0; j < 32; j++) out[j] = d * float(five.q[j] - 16);
    }
}

void decode_q5_1(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++, out += 32) {
        const auto block = load<BlockQ5_1>(blocks, i);
        const float d = f16_to_f32(block.d), m = f16_to_f32(block.m);
        const FiveBits five = unpack_five_bits(block.qs, block.qh);
        for (int j = 0; j < 32; j++) out[j] = d * float(five.q[j]) + m;
    }
}

// The two low bits of weight i of a Q2_K or Q3_K block lie in byte 32 (i / 128) + i % 32, from bit
// 2 (i % 128 / 32) on; 16 weights share a scale.

void decode_q2_k(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = load<BlockQ2K>(blocks, i);
        const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
        for (int group = 0; group < 16; group++, out += 16) {
            const uint8_t* qs = block.qs + 32 * (group / 8) + 16 * (group % 2);
            const int shift = group % 8 / 2 * 2;
            const float scale = d * float(block.scales[group] & 15),
                        minimum = dmin * float(block.scales[group] >> 4);
            for (int j = 0; j < 16; j++) out[j] = scale * float((qs[j] >> shift) & 3) - minimum;
        }
    }
}

void decode_q3_k(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = load<BlockQ3K>(blocks, i);
        const float d = f16_to_f32(block.d);
        for (int group = 0; group < 16; group++, out += 16) {
            const uint8_t* qs = block.qs + 32 * (group / 8) + 16 * (group % 2);
            const uint8_t* high = block.high + 16 * (group % 2);
            const int shift = group % 8 / 2 * 2;
            const float scale = d * float(q3_k_scale(block.scales, group));
            for (int j = 0; j < 16; j++) {
                const int q = ((qs[j] >> shift) & 3) | ((high[j] >> (group / 2)) & 1) << 2;
                out[j] = scale * float(q - 4);
            }
        }
    }
}

void decode_q4_k(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = load<BlockQ4K>(blocks, i);
        const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
        const KScales s = unpack_k_scales(block.scales);
        for (int pair = 0; pair < 4; pair++, out += 64) {
            const uint8_t* qs = block.qs + 32 * pair;
            const float d0 = d * float(s.scale[2 * pair]), m0 = dmin * float(s.min[2 * pair]);
            const float d1 = d * float(s.scale[2 * pair + 1]),
                        m1 = dmin * float(s.min[2 * pair + 1]);
            for (int j = 0; j < 32; j++) out[j] = d0 * float(qs[j] & 15) - m0;
            for (int j = 0; j < 32; j++) out[j + 32] = d1 * float(qs[j] >> 4) - m1;
        }
    }
}

void decode_q5_k(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = load<BlockQ5K>(blocks, i);
        const float d = f16_to_f32(block.d), dmin = f16_to_f32(block.dmin);
        const KScales s = unpack_k_scales(block.scales);
        for (int pair = 0; pair < 4; pair++, out += 64) {
            const uint8_t* qs = block.qs + 32 * pair;
            const float d0 = d * float(s.scale[2 * pair]), m0 = dmin * float(s.min[2 * pair]);
            const float d1 = d * float(s.scale[2 * pair + 1]),
                        m1 = dmin * float(s.min[2 * pair + 1]);
            for (int j = 0; j < 32; j++) {
                const int high = ((block.qh[j] >> (2 * pair)) & 1) << 4;
                out[j] = d0 * float((qs[j] & 15) | high) - m0;
            }
            for (int j = 0; j < 32; j++) {
                const int high = ((block.qh[j] >> (2 * pair + 1)) & 1) << 4;
                out[j + 32] = d1 * float((qs[j] >> 4) | high) - m1;
            }
        }
    }
}

void decode_q6_k(const std::byte* blocks, size_t n_blocks, float* out) {
    for (size_t i = 0; i < n_blocks; i++) {
        const auto block = load<BlockQ6K>(blocks, i);
        const float d = f16_to_f32(block.d);
        for (int half = 0; half < 2; half++, out += 128) {
            const uint8_t* ql = block.ql + 64 * half;
            const uint8_t* qh = block.qh + 32 * half;
            const int8_t* scales = block.scales + 8 * half;  // one for 16 weights
            for (int group = 0; group < 2; group++)
                for (int j = 16 * group; j < 16 * group + 16; j++) {
                    const int q0 = (ql[j] & 15) | ((qh[j] & 3) << 4);
                    const int q1 = (ql[j + 32] & 15) | (((qh[j] >> 2) & 3) << 4);
                    const int q2 = (ql[j] >> 4) | (((qh[j] >> 4) & 3) << 4);
                    const int q3 = (ql[j + 32] >> 4) | ((qh[j] >> 6) << 4);
                    out[j] = d * float(scales[group]) * float(q0 - 32);
                    out[j + 32] = d * float(scales[group + 2]) * float(q1 - 32);
                    out[j + 64] = d * float(scales[group + 4]) * float(q2 - 32);
                    out[j + 96] = d * float(scales[group + 6]) * float(q3 - 32);
                }
        }
    }
}

}  // namespace m2w::detail
