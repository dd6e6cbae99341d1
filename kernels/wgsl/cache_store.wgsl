// cache_store.wgsl - new rows of both caches. A thread owns two values, a word of an f16 cache: store_k(t, i) writes
// word i of those that row t touches, new_k(t, column) is the kernel's. Rows of odd width share a word with the next
// row: who owns its first value writes it, and what is not new stays.
#include "narrow.wgsl"
fn is_new(row: u32) -> bool { return (row + batch.n_rows - batch.pos % batch.n_rows) % batch.n_rows < batch.n_tok; }

#repeat c k,v
#if CACHE_F16
#if EVEN
fn store_$c(t: u32, i: u32) {
    if (2u * i >= n_$c) { return; }
    ${c}_cache[(batch.pos + t) % batch.n_rows * (n_$c / 2u) + i] = narrow(new_$c(t, 2u * i)) | (narrow(new_$c(t, 2u * i + 1u)) << 16u);
}
#else
fn half_$c(e: u32, word: u32) -> u32 {
    let row = e / n_$c;
    if (is_new(row)) { return narrow(new_$c((row + batch.n_rows - batch.pos % batch.n_rows) % batch.n_rows, e % n_$c)); }
    return (word >> (16u * (e & 1u))) & 0xffffu;
}
fn store_$c(t: u32, i: u32) {
    let row = (batch.pos + t) % batch.n_rows;
    let word = row * n_$c / 2u + i;
    if (2u * word >= (row + 1u) * n_$c) { return; }
    let first = 2u * word / n_$c;
    if (first != row && is_new(first)) { return; }
    let old = ${c}_cache[word];
    ${c}_cache[word] = half_$c(2u * word, old) | (half_$c(2u * word + 1u, old) << 16u);
}
#endif
#else
fn store_$c(t: u32, i: u32) {
    let at = (batch.pos + t) % batch.n_rows * n_$c;
    for (var column = 2u * i; column < min(2u * i + 2u, n_$c); column++) {
        ${c}_cache[at + column] = new_$c(t, column);
    }
}
#endif
#endrepeat
