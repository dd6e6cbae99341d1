// rope_store.wgsl - rope of queries and keys, and the new rows of both caches: one owner two dimensions.
override n_k: u32 = n_head_kv * head_dim;
#include "rotate.wgsl"
#include "cache_store.wgsl"
fn new_k(t: u32, column: u32) -> f32 {
    let d = column % head_dim;
    return turned_k(t * n_k + column - d, d, t);
}
fn new_v(t: u32, column: u32) -> f32 { return v[t * n_v + column]; }
fn work(owner: u32, z: u32, lane: u32) {
    let q_pairs = n_head * head_dim / 2u;
    let k_words = n_k / 2u + 1u;
    let width = q_pairs + k_words + n_v / 2u + 1u;
    let t = owner / width;
    let i = owner % width;
    if (t >= batch.n_tok) { return; }
    if (i < q_pairs) {
        let d = 2u * i % head_dim;
        let base = t * n_head * head_dim + 2u * i - d;
        y[base + d] = turned_q(base, d, t);
        y[base + d + 1u] = turned_q(base, d + 1u, t);
    } else if (i < q_pairs + k_words) {
        store_k(t, i - q_pairs);
    } else {
        store_v(t, i - q_pairs - k_words);
    }
}
