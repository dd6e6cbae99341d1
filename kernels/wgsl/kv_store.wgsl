// kv_store.wgsl - appends keys and values to the caches, one owner two columns of either.
#include "cache_store.wgsl"
fn new_k(t: u32, column: u32) -> f32 { return k[t * n_k + column]; }
fn new_v(t: u32, column: u32) -> f32 { return v[t * n_v + column]; }
fn work(owner: u32, z: u32, lane: u32) {
    let k_words = n_k / 2u + 1u;
    let width = k_words + n_v / 2u + 1u;
    let t = owner / width;
    let i = owner % width;
    if (t >= batch.n_tok) { return; }
    if (i < k_words) {
        store_k(t, i);
    } else {
        store_v(t, i - k_words);
    }
}
