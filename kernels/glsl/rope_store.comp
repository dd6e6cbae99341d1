// rope_store.comp - rope of queries and keys, and the new rows of both caches: one invocation a pair of a head, or two
// values.
#version 460
#include "common.glsl"
#include "rope_store.glsl"
#include "narrow.glsl"
#include "rotate.glsl"

void store_values(uint t, uint row, uint first) {
    for (uint i = first; i < min(first + 2, p.n_v); ++i) p.v_cache.v[row * p.n_v + i] = narrow(p.v.v[t * p.n_v + i]);
}

void main() {
    const uint half_dim = p.head_dim / 2;
    const uint n_pairs = (p.n_head + p.n_head_kv) * half_dim;  // of a token
    const uint width = n_pairs + (p.n_v + 1) / 2;
    const uint i = global_invocation();
    const uint t = i / width, at = i % width;
    if (t >= p.n_tok) return;
    const uint row = (p.dynamic.pos + t) % p.n_rows;
    if (at >= n_pairs) {
        store_values(t, row, 2 * (at - n_pairs));
        return;
    }
    const uint head = at / half_dim, angle = t * p.n_rot + 2 * (at % half_dim);
    const Pair pair = pair_of(at % half_dim, p.pairing, p.n_rot);
    const vec2 turn = pair.turned ? vec2(p.table.v[angle], p.table.v[angle + 1]) : vec2(1.0, 0.0);
    if (head < p.n_head) {
        const uint base = (t * p.n_head + head) * p.head_dim;
        const vec2 y = rotate(vec2(p.q.v[base + pair.a], p.q.v[base + pair.b]), turn);
        p.y.v[base + pair.a] = y.x;
        p.y.v[base + pair.b] = y.y;
    } else {
        const uint in_row = (head - p.n_head) * p.head_dim, k_width = p.n_head_kv * p.head_dim;
        const uint base = t * k_width + in_row, to = row * k_width + in_row;
        const vec2 k = rotate(vec2(p.k.v[base + pair.a], p.k.v[base + pair.b]), turn);
        p.k_cache.v[to + pair.a] = narrow(k.x);
        p.k_cache.v[to + pair.b] = narrow(k.y);
    }
}
