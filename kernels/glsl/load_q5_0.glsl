// load_q5_0.glsl - blocks of 32: w = d * (q - 16). Planes qs: 16 bytes a block (byte j: elements j and j + 16), qh: the fifth
// bits (bit i: element i), d: half.
const uint kHiOffset = 16;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uint q = U32In(p.w0).v[unit];
    const uint qh = U32In(p.w1).v[unit / 4] >> ((u % 4) * 4);
    const float d = float(F16In(p.w2).v[unit / 4]);
    const uvec4 lo = bytes(q & 0x0f0f0f0fu) + fifth_bits(qh), hi = bytes((q >> 4) & 0x0f0f0f0fu) + fifth_bits(qh >> 16);
    return Weights8(d * (vec4(lo) - 16.0), d * (vec4(hi) - 16.0));
}
