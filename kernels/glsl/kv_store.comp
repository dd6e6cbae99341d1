// kv_store.comp - appends keys and values to the caches, one invocation an element of the wider row.
#version 460
#include "common.glsl"
#include "kv_store.glsl"
#include "narrow.glsl"

void main() {
    const uint i = global_invocation();
    const uint width = max(p.n_k, p.n_v);
    const uint t = i / width, column = i % width;
    if (t >= p.n_tok) return;
    const uint row = (p.dynamic.pos + t) % p.n_rows;
    if (column < p.n_k) p.k_cache.v[row * p.n_k + column] = narrow(p.k.v[t * p.n_k + column]);
    if (column < p.n_v) p.v_cache.v[row * p.n_v + column] = narrow(p.v.v[t * p.n_v + column]);
}
