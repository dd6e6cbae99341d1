// layer_norm.wgsl - one owner a group of n values.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * groups) { return; }
    let base = owner * n;
    var sum = 0.0;
    for (var i = lane; i < n; i += LANES) { sum += x[base + i]; }
    // Of the differences, in a second pass: mean(x^2) - mean^2 cancels for rows far from zero. What the differences sum
    // to is what the first pass rounded away.
    let about = lane_sum(sum, lane) / f32(n);
    var both = vec4f();
    for (var i = lane; i < n; i += LANES) {
        let d = x[base + i] - about;
        both += vec4f(d, d * d, 0.0, 0.0);
    }
    both = lane_sum4(both, lane) / f32(n);
    let mean = about + both.x;
    let norm = 1.0 / sqrt(both.y - both.x * both.x + eps);
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
