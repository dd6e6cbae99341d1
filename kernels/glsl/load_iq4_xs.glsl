// load_iq4_xs.glsl - blocks of 256 in groups of 32: w = d (sc - 32) value[q]. Planes qs: 16 bytes a group (byte j:
// elements j and j + 16), hd: half d, of each group the two high bits of sc in 16 bits, then the low nibbles.
WORDS(0)
WORDS(1)
#define Scale float
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 256) + g / 8;
    const uvec2 hd = words2_of_8(1, block / 4, block % 4);
    const uint sc = ((hd.y >> (4 * (g % 8))) & 15u) | (((hd.x >> (16 + 2 * (g % 8))) & 3u) << 4);
    return unpackHalf2x16(hd.x).x * (float(sc) - 32.0);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = word_of_4(0, row * (p_k / 32) + g, j);
    return Weights8(s * iq4_values(bytes(q & 0x0f0f0f0fu)), s * iq4_values(bytes((q >> 4) & 0x0f0f0f0fu)));
}
