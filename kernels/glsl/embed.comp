// embed.comp - one invocation a unit of eight weights. Tokens whose row is in another piece of w are left to its
// dispatch.
#version 460
#include "common.glsl"
#include "embed.glsl"
#define p_k p.n
#include "weights.glsl"

void store4(uint base, uint k, vec4 v) {
    [[unroll]] for (uint j = 0; j < 4; ++j) if (k + j < p.n) p.y.v[base + k + j] = p.scale * v[j];
}

void main() {
    const uint units = (p.n + 7) / 8;
    const uint i = global_invocation();
    const uint t = i / units, u = i % units;
    if (t >= p.n_tok) return;
    const uint row = p.tokens.v[t] - p.w_row0;  // wraps for rows before this piece
    if (row >= p.w_rows) return;
    const Weights8 w = load8(row, u);
    store4(t * p.n, unit_k(u), w.lo);
    store4(t * p.n, unit_k(u) + kHiOffset, w.hi);
}
