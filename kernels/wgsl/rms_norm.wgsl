// rms_norm.wgsl - one owner a group of n values.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * groups) { return; }
    let base = owner * n;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) { sum += x[base + i] * x[base + i]; }
    // eps inside the root, as the contract says: outside it a row of 1e-3 changes by 41 %.
    let norm = 1.0 / sqrt(lane_sum(sum, lane) / f32(n) + eps);
    for (var i = lane; i < n; i += LANES) {
#if w
        y[base + i] = w[i] * (x[base + i] * norm);
#else
        y[base + i] = x[base + i] * norm;
#endif
    }
}
