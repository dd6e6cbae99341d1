// add_rms_norm.wgsl - one owner a row.
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows()) { return; }
    let base = owner * n;
    var squares = 0.0;
    var x_scale = scale;
#if x_w
    for (var i = lane; i < n; i += LANES) { squares += x[base + i] * x[base + i]; }
    x_scale /= sqrt(lane_sum(squares, lane) / f32(n) + eps);
    squares = 0.0;
#endif
    for (var i = lane; i < n; i += LANES) {
#if x_w
        let added = residual[base + i] + x_w[i] * (x[base + i] * x_scale);
#else
        let added = residual[base + i] + x[base + i] * x_scale;
#endif
        y[base + i] = added;
        squares += added * added;
    }
#if y2
    let norm = 1.0 / sqrt(lane_sum(squares, lane) / f32(n) + eps);
    for (var i = lane; i < n; i += LANES) {  // of y what this lane wrote
#if w
        y2[base + i] = w[i] * (y[base + i] * norm);
#else
        y2[base + i] = y[base + i] * norm;
#endif
    }
#endif
}
