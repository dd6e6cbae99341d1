// matvec_int8.comp - products of n-bit codes with activations rounded to 8 bits, those of each group of k with a scale
// of their own (round_to_int8 of gguf/nbits.h). A subgroup owns ROWS weight rows and NCOLS columns (one, with EXPERTS),
// its lanes share the groups, and sums inside a group are exact integers. INT_DOT: four products are one instruction.
// No shared memory and no barrier, so that it also suits CPU devices.
#version 460
#include "common.glsl"
#ifdef INT_DOT
#extension GL_EXT_integer_dot_product : require
#endif
#include "product.glsl"
#define p_k p.k
#include "weights.glsl"

const uint kGroup = 8 * kGroupUnits;       // NBits::activation_group
const float kLeastScale = 1.17549435e-38;  // the least normal float

// Four signed bytes times four.
int dot4(int a, int b) {
#ifdef INT_DOT
    return dotPacked4x8EXT(a, b);
#else
    const ivec4 product = bytes_signed(uint(a)) * bytes_signed(uint(b));
    return product.x + product.y + product.z + product.w;
#endif
}

// Four activations; behind the row they are 0.
vec4 load_x4(uint base, uint k) {
    if (k >= p.k) return vec4(0);
    if ((p.k & 3u) == 0u) return F32x4In(p.x).v[(base + k) / 4];
    vec4 x = vec4(0);
    [[unroll]] for (uint j = 0; j < 4; ++j) if (k + j < p.k) x[j] = p.x.v[base + k + j];
    return x;
}

int rounded4(vec4 x) {
    const ivec4 q = ivec4(roundEven(x));
    return (q.x & 255) | (q.y & 255) << 8 | (q.z & 255) << 16 | q.w << 24;
}

// Codes of 8 bits fit signed bytes once they are 128 less, as their zero points.
const int kCodeOffset = BITS == 8 ? 128 : 0;
ivec2 signed_codes(uint row, uint g, uint j) {
    return ivec2(load_codes(row, g, j) ^ uvec2(BITS == 8 ? 0x80808080u : 0u));
}

void main() {
    const uint first = global_subgroup() * ROWS;
    const uint column0 = gl_WorkGroupID.z * NCOLS;
    const uint expert = expert_of(column0);
    if (first >= n_rows() || elsewhere(expert, first, 1)) return;
    uint row[ROWS], base[NCOLS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) row[r] = min(w_row(expert, first + r), p.w_rows - 1);
    [[unroll]] for (uint c = 0; c < NCOLS; ++c) base[c] = x_row(min(column0 + c, n_columns() - 1)) * p.k;

    float sum[ROWS * NCOLS];
    [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) sum[i] = 0.0;
    for (uint g = gl_SubgroupInvocationID; g < row_blocks() * (BLOCK / kGroup); g += SG) {
        float scale[NCOLS], inverse[NCOLS];
        int x_sum[NCOLS], dots[ROWS * NCOLS];
        [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) dots[i] = 0;
        [[unroll]] for (uint c = 0; c < NCOLS; ++c) {
            vec4 largest = vec4(0);
            for (uint k = 0; k < kGroup; k += 4) largest = max(largest, abs(load_x4(base[c], g * kGroup + k)));
            scale[c] = max(max(largest.x, largest.y), max(largest.z, largest.w)) / 127.0;
            inverse[c] = scale[c] < kLeastScale ? 0.0 : 1.0 / scale[c];
            x_sum[c] = 0;
        }
        for (uint j = 0; j < kGroupUnits; ++j) {
            ivec2 x[NCOLS];
            [[unroll]] for (uint c = 0; c < NCOLS; ++c) {
                x[c] = ivec2(rounded4(load_x4(base[c], g * kGroup + 8 * j) * inverse[c]),
                             rounded4(load_x4(base[c], g * kGroup + 8 * j + 4) * inverse[c]));
                x_sum[c] += dot4(x[c].x, 0x01010101) + dot4(x[c].y, 0x01010101);
            }
            [[unroll]] for (uint r = 0; r < ROWS; ++r) {
                const ivec2 codes = signed_codes(row[r], g, j);
                [[unroll]] for (uint c = 0; c < NCOLS; ++c) dots[r * NCOLS + c] +=
                    dot4(codes.x, x[c].x) + dot4(codes.y, x[c].y);
            }
        }
        [[unroll]] for (uint r = 0; r < ROWS; ++r) {
            const Scale s = load_scale(row[r], g);
            [[unroll]] for (uint c = 0; c < NCOLS; ++c) sum[r * NCOLS + c] +=
                s.x * scale[c] * (float(dots[r * NCOLS + c]) - (s.y - float(kCodeOffset)) * float(x_sum[c]));
        }
    }
    [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) sum[i] = subgroupAdd(sum[i]);
    if (subgroupElect()) {
        [[unroll]] for (uint r = 0; r < ROWS; r += SIDES)
            [[unroll]] for (uint c = 0; c < NCOLS; ++c) if (first + r < n_rows() && column0 + c < n_columns())
                store(expert, first + r, column0 + c, sum[r * NCOLS + c], sum[(r + SIDES - 1) * NCOLS + c]);
    }
}
