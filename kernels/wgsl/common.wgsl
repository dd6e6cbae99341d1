// common.wgsl - what every kernel has: the batch, and the one entry point. A kernel is a function
// work(owner, z, lane): `owner` counts what its grid counts, `z` is the grid's z, and the LANES lanes
// of one owner share its work and meet in lane_sum and lane_max. How many they are is the variant's:
//   (neither)  one lane an owner, so that sums need no barrier: elementwise kernels, and all of CPU adapters. With FOURS the
//              four owners of a subgroup load for each other: `four` says which of them this is
//   SUBGROUP   the lanes of a subgroup, whatever its size; a workgroup has OWNERS owners
//   WORKGROUP  a workgroup of LANES lanes and shared memory, for GPUs without subgroups and for kernels with many lanes
// With ROW all lanes of a workgroup first make a row that its owners read, take_row(group, groups, local), and then there are few
// workgroups, each with owners from everywhere.
struct Batch {
    n_tok: u32, pos: u32, n_out: u32, n_ctx: u32,
    n_rows: u32,  // of the Step's caches
    seen: u32,    // positions, by a query: those of its window, or any number that n_ctx does not pass
}
@group(0) @binding(0) var<uniform> batch: Batch;
override rows_out: u32;
fn rows() -> u32 { return select(batch.n_tok, batch.n_out, rows_out != 0u); }

#if SUBGROUP
const kLocal = 64u;
var<private> LANES: u32;
const OWNERS = 4u;
fn lane_sum(x: f32, lane: u32) -> f32 { return subgroupAdd(x); }
fn lane_sum4(x: vec4f, lane: u32) -> vec4f { return subgroupAdd(x); }
fn lane_max(x: f32, lane: u32) -> f32 { return subgroupMax(x); }
fn lane_min_u(x: u32, lane: u32) -> u32 { return subgroupMin(x); }
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups_: vec3u,
        @builtin(local_invocation_index) local: u32, @builtin(subgroup_size) size: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    LANES = size;
#if ROW
    take_row(group, groups_.x, local);
    for (var first = group.x * OWNERS; first * ${ROWS}u < w_rows; first += groups_.x * OWNERS) {
#else
    let first = (group.x + group.y * groups_.x) * OWNERS;
#endif
    for (var i = local / size; i < OWNERS; i += max(kLocal / size, 1u)) { work(first + i, group.z, lane); }
#if ROW
    }
#endif
}
#else
#if WORKGROUP
const LANES = ${LANES}u;
const kLocal = LANES;
var<workgroup> lane_values: array<vec4f, LANES>;
fn meet() { workgroupBarrier(); }
fn lane_sum4(x: vec4f, lane: u32) -> vec4f {
    lane_values[lane] = x;
    workgroupBarrier();
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        if (lane < apart) { lane_values[lane] += lane_values[lane + apart]; }
        workgroupBarrier();
    }
    let sum = lane_values[0];
    workgroupBarrier();
    return sum;
}
fn lane_sum(x: f32, lane: u32) -> f32 { return lane_sum4(vec4f(x, 0, 0, 0), lane).x; }
fn lane_max(x: f32, lane: u32) -> f32 {
    lane_values[lane].x = x;
    workgroupBarrier();
    for (var apart = LANES / 2u; apart > 0u; apart /= 2u) {
        if (lane < apart) { lane_values[lane].x = max(lane_values[lane].x, lane_values[lane + apart].x); }
        workgroupBarrier();
    }
    let most = lane_values[0].x;
    workgroupBarrier();
    return most;
}
fn lane_min_u(x: u32, lane: u32) -> u32 {
    lane_values[lane].x = bitcast<f32>(x & 0xffffu);
    lane_values[lane].y = bitcast<f32>(x >> 16u);
    workgroupBarrier();
    var least = x;
    for (var i = 0u; i < LANES; i++) {
        least = min(least, bitcast<u32>(lane_values[i].x) | (bitcast<u32>(lane_values[i].y) << 16u));
    }
    workgroupBarrier();
    return least;
}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups_: vec3u,
        @builtin(local_invocation_index) lane: u32) {
#if ROW
    take_row(group, groups_.x, lane);
    for (var owner = group.x; owner * ${ROWS}u < w_rows; owner += groups_.x) { work(owner, group.z, lane); }
#else
    work(group.x + group.y * groups_.x, group.z, lane);
#endif
}
#else
const LANES = 1u;
const kLocal = ${LOCAL}u;
#if FOURS
var<private> four: u32;
#endif
fn meet() {}
fn lane_sum(x: f32, lane: u32) -> f32 { return x; }
fn lane_sum4(x: vec4f, lane: u32) -> vec4f { return x; }
fn lane_max(x: f32, lane: u32) -> f32 { return x; }
fn lane_min_u(x: u32, lane: u32) -> u32 { return x; }
@compute @workgroup_size(${LOCAL})
#if FOURS
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups_: vec3u,
        @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) lane: u32) {
    four = lane;
#else
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups_: vec3u,
        @builtin(local_invocation_index) local: u32) {
#endif
#if ROW
    take_row(group, groups_.x, local);
    for (var owner = group.x * kLocal + local; owner * ${ROWS}u < w_rows; owner += groups_.x * kLocal) { work(owner, group.z, 0u); }
#else
    work((group.x + group.y * groups_.x) * kLocal + local, group.z, 0u);
#endif
}
#endif
#endif
