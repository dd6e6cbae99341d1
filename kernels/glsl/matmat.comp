// matmat.comp - matrix products for many activation rows: tiles of BM weight rows by BN columns, staged in shared
// memory as floats in steps of BK, TM x TN results an invocation. For devices where barriers are cheap. With EXPERTS
// columns are sorted by expert, and the columns of a tile that share one are a run.
#version 460
#include "common.glsl"
#include "product.glsl"
#define p_k p.k
#include "weights.glsl"

const uint BM = 64, BN = 64, TM = 4, TN = 4;
const uint kThreads = (BM / TM) * (BN / TN);  // local_size_x must be this: 256
const uint BK = 32;                           // four units of eight weights are staged at a time
// Steps in a row that the compiler sees. Prefill of a 1.2B Q8_0 on an H200: 9,390 tok/s with 8, 9,500 with
// 16, 9,430 with all 32, 7,680 with 1; lavapipe compiles 8 in two thirds of the time of 32.
const uint kUnrolled = 8;
// One word of padding keeps the columns of a tile in different banks.
shared float tile_w[BK][BM + 1];
shared float tile_x[BK][BN + 1];

#ifdef EXPERTS
shared uint column_of[BN];  // of each place in the tile
shared uint expert_at[BN];

// Where ids are absent, slots are sorted by expert as they are: slot j of every token has expert j.
void find_columns(uint place0, uint id) {
    const uint place = min(place0 + id, n_columns() - 1);
    const uint column = present(p.order) ? min(uint(F32In(p.order).v[place]), n_columns() - 1)
                                         : place % p.rows * p.n_used + place / p.rows;
    if (id < BN) {
        column_of[id] = column;
        expert_at[id] = expert_of(column);
    }
    barrier();
}
uint column_at(uint place0, uint i) { return column_of[i]; }
uint run_end(uint i, uint n) {
    uint end = i + 1;
    while (end < n && expert_at[end] == expert_at[i]) ++end;
    return end;
}
#else
uint column_at(uint place0, uint i) { return place0 + i; }
uint run_end(uint i, uint n) { return n; }
#endif

float x_at(uint x_base, uint k) { return k < p.k ? p.x.v[x_base + k] : 0.0; }

void main() {
    const uint first = gl_WorkGroupID.x * BM, place0 = gl_WorkGroupID.y * BN;
    const uint id = gl_LocalInvocationID.x;
    const uint tm = (id % (BM / TM)) * TM, tn = (id / (BM / TM)) * TN;
    const uint units = (p.k + 7) / 8, n_places = min(BN, n_columns() - place0);

    float sum[TM * TN];
    [[unroll]] for (uint i = 0; i < TM * TN; ++i) sum[i] = 0.0;
#ifdef EXPERTS
    find_columns(place0, id);
#endif
    const uint row = id / 4;  // of both tiles: BM * 4 == BN * 4 == kThreads
    const uint x_base = x_row(column_at(place0, min(row, n_places - 1))) * p.k;

    // A run of columns with one expert; the other columns of the tile are zero meanwhile.
    for (uint begin = 0, end; begin < n_places; begin = end) {
        end = run_end(begin, n_places);
        const uint w_at = w_row(expert_of(column_at(place0, begin)), first + row);
        const bool has_w = first + row < n_rows() && w_at < p.w_rows, has_x = row >= begin && row < end;
        // A step of four units: 32 weights of each row, eight of them a thread.
        for (uint u0 = 0; u0 < units; u0 += 4) {
            const uint u = u0 + id % 4;
            Weights8 w = Weights8(vec4(0), vec4(0));
            if (u < units && has_w) w = load8(w_at, u);
            const uint k = unit_k(u);
            barrier();
            [[unroll]] for (uint j = 0; j < 4; ++j) {
                tile_w[(id % 4) * 8 + j][row] = w.lo[j];
                tile_w[(id % 4) * 8 + 4 + j][row] = w.hi[j];
                tile_x[(id % 4) * 8 + j][row] = u < units && has_x ? x_at(x_base, k + j) : 0.0;
                tile_x[(id % 4) * 8 + 4 + j][row] = u < units && has_x ? x_at(x_base, k + kHiOffset + j) : 0.0;
            }
            barrier();
            for (uint k0 = 0; k0 < BK; k0 += kUnrolled) {
                [[unroll]] for (uint kk = 0; kk < kUnrolled; ++kk) {
                    float a[TM], b[TN];
                    [[unroll]] for (uint i = 0; i < TM; ++i) a[i] = tile_w[k0 + kk][tm + i];
                    [[unroll]] for (uint i = 0; i < TN; ++i) b[i] = tile_x[k0 + kk][tn + i];
                    [[unroll]] for (uint i = 0; i < TM; ++i) [[unroll]] for (uint j = 0; j < TN; ++j) sum[i * TN + j] +=
                        a[i] * b[j];
                }
            }
        }
    }

    [[unroll]] for (uint i = 0; i < TM; i += SIDES) [[unroll]] for (uint j = 0; j < TN; ++j) {
        if (first + tm + i >= n_rows() || tn + j >= n_places) continue;
        const uint column = column_at(place0, tn + j);
        store(expert_of(column), first + tm + i, column, sum[i * TN + j], sum[(i + SIDES - 1) * TN + j]);
    }
}
