// matvec.comp - matrix products for few activation rows: a subgroup owns ROWS weight rows and NCOLS columns (one, with
// EXPERTS), its lanes share k. No shared memory and no barrier, so that it also suits CPU devices; but for norm_matmul
// every workgroup norms its column for itself, and its subgroups have several times ROWS rows.
#version 460
#include "common.glsl"
#ifndef EXPERTS
#define NORMS
#endif
#include "product.glsl"
#define p_k p.k
#include "weights.glsl"
#ifdef NORMS
#include "norm.glsl"
#endif

// Eight activations that belong to a unit.
Weights8 load_x(uint column, uint k) {
    Weights8 x;
#ifdef NORMS
    if (NORM_K != 0) {
        x.lo = normed[k / 4];
        x.hi = normed[(k + kHiOffset) / 4];
        return x;
    }
#endif
    const uint base = x_row(column) * p.k + k;
    if ((p.k & 7u) == 0u) {
        F32x4In v = F32x4In(p.x);
        x.lo = v.v[base / 4];
        x.hi = v.v[(base + kHiOffset) / 4];
        return x;
    }
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        x.lo[j] = k + j < p.k ? p.x.v[base + j] : 0.0;
        x.hi[j] = k + kHiOffset + j < p.k ? p.x.v[base + kHiOffset + j] : 0.0;
    }
    return x;
}

void product(uint expert, uint first, uint column0) {
    float sum[ROWS * NCOLS];
    [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) sum[i] = 0.0;
    const uint units = (p.k + 7) / 8;
    for (uint u = gl_SubgroupInvocationID; u < units; u += SG) {
        Weights8 x[NCOLS];
        [[unroll]] for (uint c = 0; c < NCOLS; ++c) x[c] = load_x(min(column0 + c, n_columns() - 1), unit_k(u));
        [[unroll]] for (uint r = 0; r < ROWS; ++r) {
            const Weights8 w = load8(min(w_row(expert, first + r), p.w_rows - 1), u);
            [[unroll]] for (uint c = 0; c < NCOLS; ++c) sum[r * NCOLS + c] += dot(w.lo, x[c].lo) + dot(w.hi, x[c].hi);
        }
    }
    [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) sum[i] = subgroupAdd(sum[i]);
    if (subgroupElect()) {
        [[unroll]] for (uint r = 0; r < ROWS; r += SIDES)
            [[unroll]] for (uint c = 0; c < NCOLS; ++c) if (first + r < n_rows() && column0 + c < n_columns())
                store(expert, first + r, column0 + c, sum[r * NCOLS + c], sum[(r + SIDES - 1) * NCOLS + c]);
    }
}

void main() {
    uint first = global_subgroup() * ROWS;
    const uint column0 = gl_WorkGroupID.z * NCOLS;
#ifdef NORMS
    if (NORM_K != 0) {
        norm_row(column0);
        const uint step = gl_NumWorkGroups.x * gl_NumWorkGroups.y * gl_NumSubgroups * ROWS;
        for (; first < n_rows(); first += step) product(0, first, column0);
        return;
    }
#endif
    const uint expert = expert_of(column0);
    if (first < n_rows() && !elsewhere(expert, first, 1)) product(expert, first, column0);
}
