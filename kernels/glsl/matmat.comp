// matmat.comp - matmul for many activation rows: tiles of BM weight rows by BN activation rows, staged in shared memory
// as floats in steps of BK, TM x TN results an invocation. For devices where barriers are cheap.
#version 460
#include "common.glsl"
#include "matmul.glsl"
#define p_k p.k
#include "weights.glsl"

const uint BM = 64, BN = 64, TM = 4, TN = 4;
const uint kThreads = (BM / TM) * (BN / TN);  // local_size_x must be this: 256
const uint BK = 32;                           // four units of eight weights are staged at a time
// One word of padding keeps the columns of a tile in different banks.
shared float tile_w[BK][BM + 1];
shared float tile_x[BK][BN + 1];

float x_at(uint column, uint k) { return column < p.rows && k < p.k ? p.x.v[column * p.k + k] : 0.0; }

void store(uint row, uint column, float sum) {
    uint at = p.w_row0 + row, width = p.m;
    F32Out y = p.y;
    if (present(p.bias)) sum += F32In(p.bias).v[at];
    if (at >= p.m) {  // of another product of the same activations
        at -= p.m;
        const bool third = at >= p.m2;
        y = F32Out(third ? p.y3 : p.y2);
        width = third ? p.m3 : p.m2;
        if (third) at -= p.m2;
    } else if (present(p.residual)) {
        sum += F32In(p.residual).v[column * p.m + at];
    }
    y.v[column * width + at] = sum;
}

void main() {
    const uint first = gl_WorkGroupID.x * BM, column0 = gl_WorkGroupID.y * BN;
    const uint id = gl_LocalInvocationID.x;
    const uint tm = (id % (BM / TM)) * TM, tn = (id / (BM / TM)) * TN;
    const uint units = (p.k + 7) / 8;

    float sum[TM * TN];
    [[unroll]] for (uint i = 0; i < TM * TN; ++i) sum[i] = 0.0;

    // A step of four units: 32 weights of each row, eight of them a thread.
    for (uint u0 = 0; u0 < units; u0 += 4) {
        const uint row = id / 4, u = u0 + id % 4;  // BM * 4 == kThreads
        Weights8 w = Weights8(vec4(0), vec4(0));
        if (u < units && first + row < p.w_rows) w = load8(first + row, u);
        const uint k = unit_k(u);
        barrier();
        [[unroll]] for (uint j = 0; j < 4; ++j) {
            tile_w[(id % 4) * 8 + j][row] = w.lo[j];
            tile_w[(id % 4) * 8 + 4 + j][row] = w.hi[j];
            tile_x[(id % 4) * 8 + j][row] = u < units ? x_at(column0 + row, k + j) : 0.0;
            tile_x[(id % 4) * 8 + 4 + j][row] = u < units ? x_at(column0 + row, k + kHiOffset + j) : 0.0;
        }
        barrier();
        [[unroll]] for (uint kk = 0; kk < BK; ++kk) {
            float a[TM], b[TN];
            [[unroll]] for (uint i = 0; i < TM; ++i) a[i] = tile_w[kk][tm + i];
            [[unroll]] for (uint i = 0; i < TN; ++i) b[i] = tile_x[kk][tn + i];
            [[unroll]] for (uint i = 0; i < TM; ++i) [[unroll]] for (uint j = 0; j < TN; ++j) sum[i * TN + j] +=
                a[i] * b[j];
        }
    }

    [[unroll]] for (uint i = 0; i < TM; ++i) [[unroll]] for (uint j = 0; j < TN; ++j) {
        const uint row = first + tm + i, column = column0 + tn + j;
        if (row >= p.w_rows || column >= p.rows) continue;
        store(row, column, sum[i * TN + j]);
    }
}
