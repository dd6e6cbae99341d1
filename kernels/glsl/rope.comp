// rope.comp - one invocation a pair, or a pair of dimensions that are copied.
#version 460
#include "common.glsl"
#include "rope.glsl"
#include "rotate.glsl"

void main() {
    const uint half_dim = p.head_dim / 2;
    const uint i = global_invocation();
    if (i >= p.rows * p.n_head * half_dim) return;
    const uint head = i / half_dim;  // of all tokens
    const uint base = head * p.head_dim, angle = (head / p.n_head) * p.n_rot + 2 * (i % half_dim);
    const Pair pair = pair_of(i % half_dim, p.pairing, p.n_rot);
    vec2 x = vec2(p.x.v[base + pair.a], p.x.v[base + pair.b]);
    if (pair.turned) x = rotate(x, vec2(p.table.v[angle], p.table.v[angle + 1]));
    p.y.v[base + pair.a] = x.x;
    p.y.v[base + pair.b] = x.y;
}
