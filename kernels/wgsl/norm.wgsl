// norm.wgsl - for norm_matmul: the row that is to be normed, which each workgroup makes for itself before its owners begin. The
// norm's scale is left to load_x4.
var<workgroup> normed: array<vec4f, $NORMED>;
var<private> norm_scale: f32;
#if WORKGROUP
fn row_sum(x: f32, local: u32, at: u32) -> f32 { return lane_sum(x, local); }
#else
// Sums have words of their own, so that one barrier is enough for each.
var<workgroup> partial: array<f32, 128>;
fn row_sum(x: f32, local: u32, at: u32) -> f32 {
    partial[at + local] = subgroupAdd(x);
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < kLocal; i += LANES) { total += partial[at + i]; }
    return total;
}
#endif
// The first workgroup writes the sum, which is not where any other still reads.
fn norm_row(group: u32, row: u32, local: u32) {
    let base = row * ${NORMED}u;
    var squares = 0.0;
#if stream
    var x_scale = scale;
#endif
#if x_norm
    for (var i = local; i < ${NORMED}u; i += kLocal) { squares += dot(x[base + i], x[base + i]); }
    x_scale /= sqrt(row_sum(squares, local, 0u) / f32(k) + eps);
    squares = 0.0;
#endif
    for (var i = local; i < ${NORMED}u; i += kLocal) {
        var v = x[base + i];
#if x_norm
        v *= x_norm[i];
#endif
#if stream
        v = stream[base + i] + v * x_scale;
        if (group + w_row0 == 0u) { sum[base + i] = v; }
#endif
        squares += dot(v, v);
        normed[i] = v * norm[i];
    }
    norm_scale = 1.0 / sqrt(row_sum(squares, local, 64u) / f32(k) + eps);
}
