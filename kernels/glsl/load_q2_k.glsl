// load_q2_k.glsl - blocks of 256 in groups of 16: w = d sc q - dmin m. Planes qs: see two_bits.glsl, sc: 16 bytes a
// block, scale and minimum of each group in a nibble each, dm: half d, dmin.
#include "two_bits.glsl"
#define Scale vec4  // scale and minimum of lo's group, then of hi's
WORDS(1)
WORDS(2)
Scale load_scale(uint row, uint g) {
    const TwoBits at = two_bits_at(row, g);
    const uint sc = word_of_4(1, at.block, 2 * at.side + at.pair) >> (8 * at.part);
    const vec2 dm = unpackHalf2x16(word_at(2, at.block));
    return vec4(uvec4(sc, sc >> 4, sc >> 16, sc >> 20) & 15u) * dm.xyxy;
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = two_bits(two_bits_at(row, g), j);
    return Weights8(s.x * vec4(bytes(q & 0x03030303u)) - s.y, s.z * vec4(bytes((q >> 2) & 0x03030303u)) - s.w);
}
