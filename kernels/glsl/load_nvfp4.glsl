// load_nvfp4.glsl - blocks of 64 in groups of 16: w = E4M3 * E2M1. Planes qs: 8 bytes a group (byte j: elements j and
// j + 8), d: a byte a group, its sign unused.
WORDS(0)
WORDS(1)
#define Scale float  // halved, for doubled codes
const uint kHiOffset = 8;
const uint kGroupUnits = 2;
uint unit_k(uint u) { return (u / 2) * 16 + (u % 2) * 4; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 16) + g;
    const uint d = byte_of(word_at(1, at / 4), at % 4) & 127u;
    // The exponent's bias is 7, and 8 halves it; 127 is that of a float.
    return d < 8 ? float(d) / 1024.0 : uintBitsToFloat((d << 20) + ((127u - 8u) << 23));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint at = row * (p_k / 16) + g;
    const uint q = word_of_4(0, at / 2, 2 * (at % 2) + j);
    return Weights8(s * e2m1_doubled(bytes(q & 0x0f0f0f0fu)), s * e2m1_doubled(bytes((q >> 4) & 0x0f0f0f0fu)));
}
