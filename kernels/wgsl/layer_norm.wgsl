// layer_norm.wgsl - one owner a group of n values.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * groups) { return; }
    let base = owner * n;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) { sum += x[base + i]; }
    let mean = lane_sum(sum, lane) / f32(n);
    // Of the differences, in a second pass: mean(x^2) - mean^2 cancels for rows far from zero.
    sum = 0.0;
    for (var i = lane; i < n; i += LANES) { sum += (x[base + i] - mean) * (x[base + i] - mean); }
    let norm = 1.0 / sqrt(lane_sum(sum, lane) / f32(n) + eps);
    for (var i = lane; i < n; i += LANES) {
        var value = (x[base + i] - mean) * norm;
#if w
        value *= w[i];
#endif
#if bias
        value += bias[i];
#endif
        y[base + i] = value;
    }
}
