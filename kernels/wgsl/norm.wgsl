// norm.wgsl - for norm_matmul: each workgroup makes the row that is to be normed for itself, with INT8 rounded. The norm's
// scale is left to who reads it.
var<private> norm_scale: f32;
var<private> squares: f32;
#if ALONE
// A part of a buffer for each workgroup: CPU adapters compile the zeroes that workgroup memory begins with one by one.
#if INT8
#include "round_group.wgsl"
const kRow = ${NORMED}u / 8u * 9u;
fn put_sum(at: u32, x: f32) { scratch[at] = bitcast<u32>(x); }
fn sum_at(at: u32) -> f32 { return bitcast<f32>(scratch[at]); }
#else
const kRow = ${NORMED}u;
fn put_sum(at: u32, x: f32) { scratch[at].x = x; }
fn sum_at(at: u32) -> f32 { return scratch[at].x; }
fn put4(i: u32, v: vec4f) { scratch[part + i] = v; }
fn normed4(i: u32) -> vec4f { return scratch[part + i]; }
#endif
var<private> part: u32;
fn take_part(group: u32) { part = group * (kRow + 2u * kLocal); }
#else
var<workgroup> normed: array<vec4f, $NORMED>;
fn take_part(group: u32) {}
fn put4(i: u32, v: vec4f) { normed[i] = v; }
fn normed4(i: u32) -> vec4f { return normed[i]; }
#endif
#if WORKGROUP
fn row_sum(x: f32, local: u32, at: u32) -> f32 { return lane_sum(x, local); }
#else
// Sums have words of their own, so that one barrier is enough for each.
#if SUBGROUP
var<workgroup> partial: array<f32, 128>;
fn put_sum(at: u32, x: f32) { partial[at] = x; }
fn sum_at(at: u32) -> f32 { return partial[at]; }
fn meet_sums() { workgroupBarrier(); }
const kRow = 0u;
const part = 0u;
#else
fn meet_sums() { storageBarrier(); }
#endif
fn row_sum(x: f32, local: u32, at: u32) -> f32 {
    let first = part + kRow + at;
    put_sum(first + local, lane_sum(x, 0u));
    meet_sums();
    var total = 0.0;
    for (var i = 0u; i < kLocal; i += LANES) { total += sum_at(first + i); }
    return total;
}
#endif
// Four of the row before its norm's scale. The first workgroup writes the sum, which is not where any other still reads.
fn next4(base: u32, i: u32, x_scale: f32, first: bool) -> vec4f {
    var v = x[base + i];
#if x_norm
    v *= x_norm[i];
#endif
#if stream
    v = stream[base + i] + v * x_scale;
    if (first) { sum[base + i] = v; }
#endif
    squares += dot(v, v);
    return v * norm[i];
}
fn take_row(group: vec3u, groups: u32, local: u32) {
    take_part(group.z * groups + group.x);
    let base = group.z * ${NORMED}u;
    let first = group.x + w_row0 == 0u;
    var x_scale = 1.0;
#if stream
    x_scale = scale;
#endif
#if x_norm
    for (var i = local; i < ${NORMED}u; i += kLocal) { squares += dot(x[base + i], x[base + i]); }
    x_scale /= sqrt(row_sum(squares, local, 0u) / f32(k) + eps);
    squares = 0.0;
#endif
#if INT8
    for (var g = local; g < ${NORMED}u / 8u; g += kLocal) {
        for (var i = 0u; i < 8u; i++) { eight[i] = next4(base, 8u * g + i, x_scale, first); }
        round_group(part + 9u * g);
    }
#else
    for (var i = local; i < ${NORMED}u; i += kLocal) { put4(i, next4(base, i, x_scale, first)); }
#endif
    norm_scale = 1.0 / sqrt(row_sum(squares, local, kLocal) / f32(k) + eps);
}
