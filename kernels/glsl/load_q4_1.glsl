// load_q4_1.glsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), dm: half d, m.
#define Scale vec2  // d, m
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return unpackHalf2x16(U32In(p.w1).v[block]);
}
Weights8 load8(uint row, uint u, Scale s) {
    const uint unit = row * (p_k / 8) + u;
    const uint q = U32In(p.w0).v[unit];
    return Weights8(s.x * vec4(bytes(q & 0x0f0f0f0fu)) + s.y, s.x * vec4(bytes((q >> 4) & 0x0f0f0f0fu)) + s.y);
}
