// rope.wgsl - one owner an element.
#include "rotate.wgsl"
fn head_x(base: u32, d: u32) -> f32 { return x[base + d]; }
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok * n_head * head_dim) { return; }
    let d = owner % head_dim;
    y[owner] = turned_x(owner - d, d, owner / (n_head * head_dim));
}
