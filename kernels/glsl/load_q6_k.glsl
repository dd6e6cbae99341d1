// load_q6_k.glsl - blocks of 256 in groups of 16: w = d sc (q - 32). Planes ql: 128 bytes a block (of each half of 128: 64 bytes,
// elements 0-63 in the low nibbles, 64-127 in the high ones), qh: 64 bytes (of each half: 32 bytes, two bits for each of the
// elements l, l + 32, l + 64, l + 96), sc: int8 [16], d: half.
#define Scale vec2  // d sc of lo's group, then of hi's
const uint kHiOffset = 64;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 16) * 128 + (u % 16) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 256) + g / 8;
    const uint word = block * 4 + ((g % 8) / 4) * 2;  // the half's eight scales; hi's are four on
    const int shift = int(8 * (g % 4));
    const int lo = bitfieldExtract(int(U32In(p.w2).v[word]), shift, 8), hi = bitfieldExtract(int(U32In(p.w2).v[word + 1]), shift, 8);
    return float(F16In(p.w3).v[block]) * vec2(lo, hi);
}
Weights8 load8(uint row, uint u, Scale s) {
    const uint unit = row * (p_k / 8) + u;
    const uint half_of = (u % 32) / 16, at = u % 16;
    const uint ql = U32In(p.w0).v[unit];
    const uint qh = U32In(p.w1).v[(unit / 32) * 16 + half_of * 8 + at % 8] >> ((at / 8) * 2);
    const uint lo = (ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4);
    const uint hi = ((ql >> 4) & 0x0f0f0f0fu) | (((qh >> 4) & 0x03030303u) << 4);
    return Weights8(s.x * (vec4(bytes(lo)) - 32.0), s.y * (vec4(bytes(hi)) - 32.0));
}
