// load_q2_k.wgsl - blocks of 256 in groups of 16: w = d sc q - dmin m. Planes qs: see two_bits.wgsl, sc: 16 bytes a
// block, scale and minimum of each group in a nibble each, dm: half d, dmin.
#include "two_bits.wgsl"
alias Scale = vec4f;  // scale and minimum of lo's group, then of hi's
fn load_scale(row: u32, g: u32) -> Scale {
    let at = two_bits_at(row, g);
    let sc = word1(4u * at.block + 2u * at.side + at.pair) >> (8u * at.part);
    return vec4f(vec4u(sc, sc >> 4u, sc >> 16u, sc >> 20u) & vec4u(15u)) * unpack2x16float(word2(at.block)).xyxy;
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = two_bits(two_bits_at(row, g), j);
    return Weights8(s.x * small_bytes(q & 0x03030303u) - s.y,
                    s.z * small_bytes((q >> 2u) & 0x03030303u) - s.w);
}
