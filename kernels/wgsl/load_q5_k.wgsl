// load_q5_k.wgsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: as Q4_K, qh: 32 bytes a block (bit g
// of byte l: fifth bit of element l of group g), hd: see k_scales.wgsl.
#include "k_scales.wgsl"
alias Scale = vec4f;  // scale and minimum of lo's group, then of hi's
const kHiOffset = 8u;
const kGroupUnits = 8u;
fn unit_at(g: u32, j: u32) -> u32 { return 16u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    return k_scale_pair(words4_2(4u * (row * ($COLUMNS / 256u) + g / 4u)), 2u * (g % 4u));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(8u * (row * ($COLUMNS / 64u) + g) + j);
    let qh = word1(8u * (row * ($COLUMNS / 256u) + g / 4u) + j) >> (2u * (g % 4u));
    let lo = (q & 0x0f0f0f0fu) | ((qh & 0x01010101u) << 4u);
    let hi = ((q >> 4u) & 0x0f0f0f0fu) | ((qh & 0x02020202u) << 3u);
    return Weights8(s.x * small_bytes(lo) - s.y, s.z * small_bytes(hi) - s.w);
}
