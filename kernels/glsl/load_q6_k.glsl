// load_q6_k.glsl - blocks of 256 in groups of 16: w = d sc (q - 32). Planes ql: 128 bytes a block (of each half of 128: 64 bytes,
// elements 0-63 in the low nibbles, 64-127 in the high ones), qh: 64 bytes (of each half: 32 bytes, two bits for each of the
// elements l, l + 32, l + 64, l + 96), sc: int8 [16], d: half.
const uint kHiOffset = 64;
uint unit_k(uint u) { return (u / 16) * 128 + (u % 16) * 4; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uint block = unit / 32, word = u % 32, half_of = word / 16, at = word % 16;
    const uint ql = U32In(p.w0).v[unit];
    const uint qh = U32In(p.w1).v[block * 16 + half_of * 8 + at % 8] >> ((at / 8) * 2);
    const uint group = half_of * 8 + at / 4;  // of lo; hi is four groups on
    const int sc_lo = bitfieldExtract(int(U32In(p.w2).v[block * 4 + group / 4]), int(8 * (group % 4)), 8);
    const int sc_hi = bitfieldExtract(int(U32In(p.w2).v[block * 4 + group / 4 + 1]), int(8 * (group % 4)), 8);
    const float d = float(F16In(p.w3).v[block]);
    const uint lo = (ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4);
    const uint hi = ((ql >> 4) & 0x0f0f0f0fu) | (((qh >> 4) & 0x03030303u) << 4);
    return Weights8(d * float(sc_lo) * (vec4(bytes(lo)) - 32.0), d * float(sc_hi) * (vec4(bytes(hi)) - 32.0));
}
