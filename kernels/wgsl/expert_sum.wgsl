// expert_sum.wgsl - the weighted sum over the slots of a token, one owner an element.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * n) { return; }
    let first = owner / n * n_used;
#if residual
    var sum = residual[owner];
#else
    var sum = 0.0;
#endif
    for (var slot = first; slot < first + n_used; slot++) { sum += weights[slot] * x[slot * n + owner % n]; }
    y[owner] = sum;
}
