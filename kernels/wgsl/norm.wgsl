// norm.wgsl - for norm_matmul: the normed row, which each workgroup makes for itself before its owners begin.
var<workgroup> normed: array<vec4f, $NORMED>;
#if SUBGROUP
var<workgroup> partial: array<f32, 64>;
fn row_sum(x: f32, lane: u32) -> f32 {
    partial[lane] = x;
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < kLocal; i++) { total += partial[i]; }
    workgroupBarrier();
    return total;
}
#else
fn row_sum(x: f32, lane: u32) -> f32 { return lane_sum(x, lane); }
#endif
// The first workgroup writes the sum, which is not where any other still reads.
fn norm_row(group: u32, row: u32, lane: u32) {
    let base = row * ${NORMED}u;
    var squares = 0.0;
#if stream
    var x_scale = scale;
#endif
#if x_norm
    for (var i = lane; i < ${NORMED}u; i += kLocal) { squares += dot(x[base + i], x[base + i]); }
    x_scale /= sqrt(row_sum(squares, lane) / f32(k) + eps);
    squares = 0.0;
#endif
    for (var i = lane; i < ${NORMED}u; i += kLocal) {
        var v = x[base + i];
#if x_norm
        v *= x_norm[i];
#endif
#if stream
        v = stream[base + i] + v * x_scale;
        if (group + w_row0 == 0u) { sum[base + i] = v; }
#endif
        normed[i] = v;
        squares += dot(v, v);
    }
    let norm_scale = 1.0 / sqrt(row_sum(squares, lane) / f32(k) + eps);
    for (var i = lane; i < ${NORMED}u; i += kLocal) { normed[i] *= norm[i] * norm_scale; }
    workgroupBarrier();
}
