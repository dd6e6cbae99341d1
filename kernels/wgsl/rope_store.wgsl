// rope_store.wgsl - rope of queries and keys, with qk_norm of normalised ones, and the new rows of both caches: one
// owner a head, or as many values.
override n_k: u32 = n_head_kv * head_dim;
#include "turned_heads.wgsl"
#include "cache_store.wgsl"
fn new_k(t: u32, column: u32) -> f32 {
    let d = column % head_dim;
    return turned_k(t * n_k + column - d, d, t);
}
fn new_v(t: u32, column: u32) -> f32 { return v[t * n_v + column]; }
fn work(owner: u32, z: u32, lane: u32) {
    let half_dim = head_dim / 2u;
    let heads = n_head + n_head_kv;
    let v_words = n_v / 2u + 1u;
    let width = heads + (v_words + half_dim - 1u) / half_dim;
    let t = owner / width;
    let at = owner % width;
    if (t >= batch.n_tok) { return; }
    if (at >= heads) {
        let first = (at - heads) * half_dim;
        for (var i = first + lane; i < min(first + half_dim, v_words); i += LANES) { store_v(t, i); }
        return;
    }
    let is_key = at >= n_head;
    let in_row = select(at, at - n_head, is_key) * head_dim;
    let base = t * select(n_head * head_dim, n_k, is_key) + in_row;
#if qk_norm
    var squares = 0.0;
    for (var d = lane; d < head_dim; d += LANES) {
        if (is_key) { squares += k[base + d] * k[base + d]; } else { squares += q[base + d] * q[base + d]; }
    }
    head_scale = vec2f(1.0 / sqrt(lane_sum(squares, lane) / f32(head_dim) + eps));
#endif
    for (var i = lane; i < half_dim; i += LANES) {
        if (is_key) {
            store_k(t, in_row / 2u + i);
        } else {
            y[base + 2u * i] = turned_q(base, 2u * i, t);
            y[base + 2u * i + 1u] = turned_q(base, 2u * i + 1u, t);
        }
    }
}
