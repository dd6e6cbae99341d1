// take_rows.wgsl - the last n_out rows of x, one owner an element.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner < batch.n_out * n) { y[owner] = x[(batch.n_tok - batch.n_out) * n + owner]; }
}
