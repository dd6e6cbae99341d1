// decode_grids.cpp — the IQ1, IQ2 and IQ3 types to float: indices into grids, signs and scales of
// groups. Reads any alignment; any byte pattern is a valid block.
#include <bit>
#include <cstdint>
#include <cstring>

#include "gguf/blocks.h"
#include "gguf/dtype_impl.h"
#include "gguf/float16.h"
#include "gguf/grids.h"

// Block layouts as in ggml-common.h (ggml-org/ggml). A block is 256 weights in eight groups of 32.
// No product rounds: 11 bits of a half, at most 5 of a scale and 6 of a grid.
namespace m2w::detail {
namespace {

struct BlockIq2Xxs {
    uint16_t d;
    uint8_t q[64];  // of each group: four indices, then four times seven signs and a scale
};
struct BlockIq2Xs {
    uint16_t d;
    uint16_t q[32];  // of each eight weights: nine bits of index, seven signs
    uint8_t scales[8];
};
struct BlockIq2S {
    uint16_t d;
    uint8_t qs[32], signs[32], qh[8], scales[8];
};
struct BlockIq3Xxs {
    uint16_t d;
    uint8_t qs[64];
    uint8_t signs[32];  // of each group: four times seven signs and a scale
};
struct BlockIq3S {
    uint16_t d;
    uint8_t qs[64], qh[8], signs[32], scales[4];
};
struct BlockIq1S {
    uint16_t d;
    uint8_t qs[32];
    uint16_t qh[8];  // of each group: four times three high bits, a scale, the sign of the delta
};
struct BlockIq1M {
    uint8_t qs[32];
    uint8_t qh[16];      // of each eight weights: three high bits, the sign of the delta
    uint16_t scales[4];  // of each 16 weights three bits; the top four are those of d
};
static_assert(sizeof(BlockIq2Xxs) == 66 && sizeof(BlockIq2Xs) == 74 && sizeof(BlockIq2S) == 82);
static_assert(sizeof(BlockIq3Xxs) == 98 && sizeof(BlockIq3S) == 110);
static_assert(sizeof(BlockIq1S) == 50 && sizeof(BlockIq1M) == 56);

uint32_t word(const uint8_t* bytes) {
    uint32_t out;
    std::memcpy(&out, bytes, 4);
    return out;
}

/// Seven signs stand for eight: the number of negative ones is even.
uint32_t eight_signs(uint32_t seven) {
    seven &= 127;
    return seven | uint32_t(std::popcount(seven) & 1) << 7;
}

/// The weights of a grid's entry; bit i of `signs` makes weight i negative.
template <int kWidth, size_t kCodes>
float* put_entry(float* out, uint32_t entry, const float (&values)[kCodes], uint32_t signs,
                 float scale) {
    for (int i = 0; i < 16 / kWidth; i++) {
        const float w = scale * values[(entry >> (kWidth * i)) % kCodes];
        out[i] = (signs >> i) & 1 ? -w : w;
    }
    return out + 16 / kWidth;
}

float* put_iq1(float* out, uint32_t entry, bool down, float scale) {
    const float delta = down ? -kIq1Delta : kIq1Delta;
    for (int i = 0; i < 8; i++) out[i] = scale * (kIq1Values[(entry >> (2 * i)) & 3] + delta);
    return out + 8;
}

float iq2_scale(float d, int code) {
    return d * (0.5f + float(code)) * 0.25f;
}

}  // namespace

void decode_iq2_xxs(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq2Xxs>(blocks, n_blocks, [&](const BlockIq2Xxs& b) {
        const float d = f16_to_f32(b.d);
        for (int g = 0; g < 8; g++) {
            const uint8_t* qs = b.q + 8 * g;
            const uint32_t signs = word(qs + 4);
            const float scale = iq2_scale(d, int(signs >> 28));
            for (int j = 0; j < 4; j++)
                out = put_entry<2>(out, kIq2XxsGrid[qs[j]], kIq2Values,
                                   eight_signs(signs >> (7 * j)), scale);
        }
    });
}

void decode_iq2_xs(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq2Xs>(blocks, n_blocks, [&](const BlockIq2Xs& b) {
        const float d = f16_to_f32(b.d);
        for (int u = 0; u < 32; u++) {
            const float scale = iq2_scale(d, (b.scales[u / 4] >> (u % 4 / 2 * 4)) & 15);
            out = put_entry<2>(out, kIq2XsGrid[b.q[u] & 511], kIq2Values, eight_signs(b.q[u] >> 9),
                               scale);
        }
    });
}

void decode_iq2_s(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq2S>(blocks, n_blocks, [&](const BlockIq2S& b) {
        const float d = f16_to_f32(b.d);
        for (int u = 0; u < 32; u++) {
            const float scale = iq2_scale(d, (b.scales[u / 4] >> (u % 4 / 2 * 4)) & 15);
            const int high = (b.qh[u / 4] >> (2 * (u % 4))) & 3;
            out = put_entry<2>(out, kIq2SGrid[b.qs[u] | high << 8], kIq2Values, b.signs[u], scale);
        }
    });
}

void decode_iq3_xxs(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq3Xxs>(blocks, n_blocks, [&](const BlockIq3Xxs& b) {
        const float d = f16_to_f32(b.d);
        for (int u = 0; u < 32; u++) {
            const uint32_t packed = word(b.signs + 4 * (u / 4));
            const float scale = d * (0.5f + float(packed >> 28)) * 0.5f;
            const uint32_t signs = eight_signs(packed >> (7 * (u % 4)));
            out = put_entry<4>(out, kIq3XxsGrid[b.qs[2 * u]], kIq3XxsValues, signs, scale);
            out = put_entry<4>(out, kIq3XxsGrid[b.qs[2 * u + 1]], kIq3XxsValues, signs >> 4, scale);
        }
    });
}

void decode_iq3_s(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq3S>(blocks, n_blocks, [&](const BlockIq3S& b) {
        const float d = f16_to_f32(b.d);
        for (int i = 0; i < 64; i++) {  // entries
            const int code = (b.scales[i / 16] >> (i % 16 / 8 * 4)) & 15;
            const int high = (b.qh[i / 8] >> (i % 8)) & 1;
            const uint32_t signs = b.signs[i / 2] >> (i % 2 * 4);
            out = put_entry<4>(out, kIq3SGrid[b.qs[i] | high << 8], kIq3SValues, signs,
                               d * float(1 + 2 * code));
        }
    });
}

void decode_iq1_s(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq1S>(blocks, n_blocks, [&](const BlockIq1S& b) {
        const float d = f16_to_f32(b.d);
        for (int u = 0; u < 32; u++) {
            const int qh = b.qh[u / 4], high = (qh >> (3 * (u % 4))) & 7;
            out = put_iq1(out, kIq1Grid[b.qs[u] | high << 8], qh >> 15,
                          d * float(2 * ((qh >> 12) & 7) + 1));
        }
    });
}

void decode_iq1_m(const std::byte* blocks, size_t n_blocks, float* out) {
    for_each_block<BlockIq1M>(blocks, n_blocks, [&](const BlockIq1M& b) {
        const uint32_t bits = b.scales[0] >> 12 | (b.scales[1] >> 12) << 4 |
                              (b.scales[2] >> 12) << 8 | (b.scales[3] >> 12) << 12;
        const float d = f16_to_f32(uint16_t(bits));
        for (int u = 0; u < 32; u++) {
            const int qh = b.qh[u / 2] >> (u % 2 * 4);
            const int code = (b.scales[u / 8] >> (u % 8 / 2 * 3)) & 7;
            out = put_iq1(out, kIq1Grid[b.qs[u] | (qh & 7) << 8], qh & 8, d * float(2 * code + 1));
        }
    });
}

}  // namespace m2w::detail
