// load_q4_0.glsl - blocks of 32: w = d * (q - 8). Planes qs: 16 bytes a block (byte j: elements j and j + 16), d: half.
const uint kHiOffset = 16;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uint q = U32In(p.w0).v[unit];
    const float d = float(F16In(p.w1).v[unit / 4]);
    return Weights8(d * (vec4(bytes(q & 0x0f0f0f0fu)) - 8.0), d * (vec4(bytes((q >> 4) & 0x0f0f0f0fu)) - 8.0));
}
