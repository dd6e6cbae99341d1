// load_q3_k.wgsl - blocks of 256 in groups of 16: w = d sc (q - 4). Planes qs: see two_bits.wgsl, qh: 32 bytes a block
// (bit s of byte l: third bit of element 32 s + l), sc: 12 bytes, 6 bits a group (group i: nibble i / 8 of byte i % 8,
// and bits 2 (i / 4) on of byte 8 + i % 4), d: half.
#include "two_bits.wgsl"
alias Scale = vec2f;  // d sc of lo's group, then of hi's
fn load_scale(row: u32, g: u32) -> Scale {
    let at = two_bits_at(row, g);
    let low = word2(3u * at.block + at.pair) >> (4u * at.side + 8u * at.part);
    let high = word2(3u * at.block + 2u) >> (4u * at.side + 2u * at.pair + 8u * at.part);
    let sc = (vec2u(low, low >> 16u) & vec2u(15u)) | ((vec2u(high, high >> 16u) & vec2u(3u)) << vec2u(4u));
    return half3(at.block) * (vec2f(sc) - 32.0);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let at = two_bits_at(row, g);
    let q = two_bits(at, j);
    let qh = word1(4u * (at.block * 2u + at.part) + j) >> (4u * at.side + 2u * at.pair);
    let lo = (q & 0x03030303u) | ((qh & 0x01010101u) << 2u);
    let hi = ((q >> 2u) & 0x03030303u) | ((qh & 0x02020202u) << 1u);
    return Weights8(s.x * (small_bytes(lo) - 4.0), s.y * (small_bytes(hi) - 4.0));
}
