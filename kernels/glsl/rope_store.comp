// rope_store.comp - rope of queries and keys, with qk_norm of normalised ones, and the new rows of both caches: a
// subgroup owns a head, or as many values.
#version 460
#include "common.glsl"
#include "rope_store.glsl"
#include "narrow.glsl"
#include "rotate.glsl"

void store_values(uint t, uint row, uint first) {
    const uint end = min(first + p.head_dim, p.n_v);
    for (uint i = first + gl_SubgroupInvocationID; i < end; i += SG)
        p.v_cache.v[row * p.n_v + i] = narrow(p.v.v[t * p.n_v + i]);
}

// 1 over the root mean square of the head at `base`.
float head_scale(F32In x, uint base) {
    float squares = 0.0;
    for (uint i = gl_SubgroupInvocationID; i < p.head_dim; i += SG) squares += x.v[base + i] * x.v[base + i];
    return 1.0 / sqrt(subgroupAdd(squares) / float(p.head_dim) + p.eps);
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
    const bool is_key = at >= p.n_head, normed = present(p.qk_norm);
    F32In x = p.q;
    uint base = (t * p.n_head + at) * p.head_dim, to = base;
    if (is_key) {
        x = p.k;
        base = (t * p.n_head_kv + at - p.n_head) * p.head_dim;
        to = (row * p.n_head_kv + at - p.n_head) * p.head_dim;
    }
    const float scale = normed ? head_scale(x, base) : 1.0;
    const uint w = is_key ? p.head_dim : 0;
    for (uint i = gl_SubgroupInvocationID; i < p.head_dim / 2; i += SG) {
        const Pair pair = pair_of(i, p.pairing, p.n_rot);
        vec2 z = vec2(x.v[base + pair.a], x.v[base + pair.b]) * scale;
        if (normed) z *= vec2(F32In(p.qk_norm).v[w + pair.a], F32In(p.qk_norm).v[w + pair.b]);
        const uint angle = t * p.n_rot + 2 * i;
        if (pair.turned) z = rotate(z, vec2(p.table.v[angle], p.table.v[angle + 1]));
        if (is_key) {
            p.k_cache.v[to + pair.a] = narrow(z.x);
            p.k_cache.v[to + pair.b] = narrow(z.y);
        } else {
            p.y.v[to + pair.a] = z.x;
            p.y.v[to + pair.b] = z.y;
        }
    }
}
