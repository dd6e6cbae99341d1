// rope.comp - one invocation a pair, or a pair of dimensions that are copied.
#version 460
#include "common.glsl"
#include "rope.glsl"

void main() {
    const uint half_dim = p.head_dim / 2;
    const uint i = global_invocation();
    if (i >= p.rows * p.n_head * half_dim) return;
    const uint pair = i % half_dim;
    const uint head = i / half_dim;  // of all tokens
    const uint base = head * p.head_dim;
    const uint n_pairs = p.n_rot / 2;
    if (pair >= n_pairs) {  // not rotated
        const uint a = base + 2 * pair;
        p.y.v[a] = p.x.v[a];
        p.y.v[a + 1] = p.x.v[a + 1];
        return;
    }
    const uint a = base + (p.pairing == 0u ? 2 * pair : pair);
    const uint b = a + (p.pairing == 0u ? 1 : n_pairs);
    const uint angle = (head / p.n_head) * p.n_rot + 2 * pair;
    const float c = p.table.v[angle], s = p.table.v[angle + 1];
    const float xa = p.x.v[a], xb = p.x.v[b];
    p.y.v[a] = xa * c - xb * s;
    p.y.v[b] = xa * s + xb * c;
}
