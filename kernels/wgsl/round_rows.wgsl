// round_rows.wgsl - activations rounded to 8 bits, one owner a group.
#include "round_group.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= rows() * (k / 32u)) { return; }
    for (var i = 0u; i < 8u; i++) { eight[i] = x[8u * owner + i]; }
    round_group(9u * owner);
}
