// load_q4_k.wgsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: 128 bytes a block (32 bytes: one
// group in the low nibbles, the next in the high ones), hd: see k_scales.wgsl.
#include "k_scales.wgsl"
alias Scale = vec4f;  // scale and minimum of lo's group, then of hi's
const kHiOffset = 8u;
const kGroupUnits = 8u;
fn unit_at(g: u32, j: u32) -> u32 { return 16u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    return k_scale_pair(words4_1(4u * (row * ($COLUMNS / 256u) + g / 4u)), 2u * (g % 4u));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(8u * (row * ($COLUMNS / 64u) + g) + j);
    return Weights8(s.x * small_bytes(low4(q)) - s.y, s.z * small_bytes(high4(q)) - s.w);
}
