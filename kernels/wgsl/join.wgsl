// join.wgsl - columns of one or two rows side by side, one owner an element.
fn work(owner: u32, z: u32, lane: u32) {
    let n = n_a + n_b;
    if (owner >= rows() * groups * n) { return; }
    let row = owner / n;
    let column = owner % n;
    if (column < n_a) { y[owner] = a[row * a_width + a_first + column]; }
#if b
    if (column >= n_a) { y[owner] = b[row * b_width + b_first + column - n_a]; }
#endif
}
