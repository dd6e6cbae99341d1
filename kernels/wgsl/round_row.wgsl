// round_row.wgsl - for matmul of one row: each workgroup rounds it for itself, to its part of a buffer.
#include "round_group.wgsl"
var<private> part: u32;
fn take_row(group: vec3u, groups: u32, local: u32) {
    part = (group.z * groups + group.x) * (k / 32u * 9u);
    for (var g = local; g < k / 32u; g += kLocal) {
        for (var i = 0u; i < 8u; i++) { eight[i] = x[8u * (group.z * (k / 32u) + g) + i]; }
        round_group(part + 9u * g);
    }
    storageBarrier();
}
