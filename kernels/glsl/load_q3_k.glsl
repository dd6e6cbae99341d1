// load_q3_k.glsl - blocks of 256 in groups of 16: w = d sc (q - 4). Planes qs: see two_bits.glsl, qh: 32 bytes a block
// (bit s of byte l: third bit of element 32 s + l), sc: 12 bytes, 6 bits a group (group i: nibble i / 8 of byte i % 8,
// and bits 2 (i / 4) on of byte 8 + i % 4), d: half.
#include "two_bits.glsl"
#define Scale vec2  // d sc of lo's group, then of hi's
WORDS(1)
WORDS(2)
HALVES(3)
Scale load_scale(uint row, uint g) {
    const TwoBits at = two_bits_at(row, g);
    const uint low = word_in(2, 3 * at.block + at.pair) >> (4 * at.side + 8 * at.part);
    const uint high = word_in(2, 3 * at.block + 2) >> (4 * at.side + 2 * at.pair + 8 * at.part);
    const uvec2 sc = (uvec2(low, low >> 16) & 15u) | ((uvec2(high, high >> 16) & 3u) << 4);
    return half_at(3, at.block) * (vec2(sc) - 32.0);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const TwoBits at = two_bits_at(row, g);
    const uint q = two_bits(at, j), qh = word_of_4(1, at.block * 2 + at.part, j) >> (4 * at.side + 2 * at.pair);
    const uint lo = (q & 0x03030303u) | ((qh & 0x01010101u) << 2),
               hi = ((q >> 2) & 0x03030303u) | ((qh & 0x02020202u) << 1);
    return Weights8(s.x * (vec4(bytes(lo)) - 4.0), s.y * (vec4(bytes(hi)) - 4.0));
}
