// load_mxfp4.glsl - blocks of 32: w = 2^(e - 127) * E2M1. Planes qs: as Q4_0, e: a byte a block.
WORDS(0)
WORDS(1)
#define Scale float  // halved, for doubled codes
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    const uint e = byte_of(word_at(1, block / 4), block % 4);
    return uintBitsToFloat(e < 2 ? 0x00200000u << e : (e - 1) << 23);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = word_of_4(0, row * (p_k / 32) + g, j);
    return Weights8(s * e2m1_doubled(bytes(q & 0x0f0f0f0fu)), s * e2m1_doubled(bytes((q >> 4) & 0x0f0f0f0fu)));
}
