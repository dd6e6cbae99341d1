// load_q6_k.glsl - blocks of 256 in groups of 16: w = d sc (q - 32). Planes ql: 128 bytes a block (of each half of 128:
// 64 bytes, elements 0-63 in the low nibbles, 64-127 in the high ones), qh: 64 bytes (of each half: 32 bytes, two bits
// for each of the elements l, l + 32, l + 64, l + 96), sc: int8 [16], d: half.
#define Scale vec2  // d sc of lo's group, then of hi's
WORDS(0)
WORDS(1)
WORDS(2)
HALVES(3)
const uint kHiOffset = 64;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 16) * 128 + (u % 16) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 256) + g / 8;
    const uvec4 sc = words4(2, block);
    const bool second = (g & 4u) != 0u;  // half of the block; hi's scales are four on
    const int shift = int(8 * (g % 4));
    const int lo = bitfieldExtract(int(second ? sc.z : sc.x), shift, 8),
              hi = bitfieldExtract(int(second ? sc.w : sc.y), shift, 8);
    return half_at(3, block) * vec2(lo, hi);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint block = row * (p_k / 256) + g / 8;
    const uint ql = word_of_4(0, row * (p_k / 32) + g, j);
    const uint qh = word_of_4(1, block * 4 + ((g / 4) % 2) * 2 + g % 2, j) >> (((g / 2) % 2) * 2);
    const uint lo = (ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4);
    const uint hi = ((ql >> 4) & 0x0f0f0f0fu) | (((qh >> 4) & 0x03030303u) << 4);
    return Weights8(s.x * (vec4(bytes(lo)) - 32.0), s.y * (vec4(bytes(hi)) - 32.0));
}
