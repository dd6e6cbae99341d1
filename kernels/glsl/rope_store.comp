// rope_store.comp - rope of queries and keys, with qk_norm of normalised ones, and the new rows of both caches: a
// subgroup owns a head, or as many values.
#version 460
#include "common.glsl"
#include "rope_store.glsl"
#include "narrow.glsl"
#include "turned_head.glsl"

void store_values(uint t, uint row, uint first) {
    const uint end = min(first + p.head_dim, p.n_v);
    for (uint i = first + gl_SubgroupInvocationID; i < end; i += SG)
        p.v_cache.v[row * p.n_v + i] = narrow(p.v.v[t * p.n_v + i]);
}

void main() {
    const uint heads = p.n_head + p.n_head_kv;
    const uint width = heads + (p.n_v + p.head_dim - 1) / p.head_dim;  // of a token
    const uint t = global_subgroup() / width, at = global_subgroup() % width;
    if (t >= p.n_tok) return;  // the whole subgroup
    const uint row = (p.dynamic.pos + t) % p.n_rows;
    if (at >= heads) {
        store_values(t, row, (at - heads) * p.head_dim);
        return;
    }
    const bool is_key = at >= p.n_head;
    F32In x = p.q;
    uint base = (t * p.n_head + at) * p.head_dim, to = base;
    if (is_key) {
        x = p.k;
        base = (t * p.n_head_kv + at - p.n_head) * p.head_dim;
        to = (row * p.n_head_kv + at - p.n_head) * p.head_dim;
    }
    const float scale = head_scale(x, base);
    for (uint i = gl_SubgroupInvocationID; i < p.head_dim / 2; i += SG) {
        const Pair pair = pair_of(i, p.pairing, p.n_rot);
        const vec2 z = turned(x, base, is_key, scale, t, i);
        if (is_key) {
            p.k_cache.v[to + pair.a] = narrow(z.x);
            p.k_cache.v[to + pair.b] = narrow(z.y);
        } else {
            p.y.v[to + pair.a] = z.x;
            p.y.v[to + pair.b] = z.y;
        }
    }
}
