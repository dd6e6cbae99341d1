// embed.wgsl - one owner a unit of eight weights. Tokens whose row is in another piece of w are left to its dispatch.
#include "weights.wgsl"
fn store4(base: u32, four: u32, v: vec4f) {
    let i = 4u * four;
    for (var j = 0u; j < 4u; j++) {
        if (i + j < n) { y[base + i + j] = scale * v[j]; }
    }
}
fn work(owner: u32, z: u32, lane: u32) {
    let units = (n + 7u) / 8u;
    let t = owner / units;
    let u = owner % units;
    if (t >= batch.n_tok) { return; }
    let row = tokens[t] - w_row0;  // wraps for rows before this piece
    if (row >= w_rows) { return; }
    let eight = load_unit(row, u);
    let at = unit_at(u / kGroupUnits, u % kGroupUnits);
    store4(t * n, at, eight.lo);
    store4(t * n, at + kHiOffset, eight.hi);
}
