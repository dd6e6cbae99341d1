// add.wgsl - y = a + scale b, one owner an element.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner < rows() * n) { y[owner] = a[owner] + scale * b[owner]; }
}
