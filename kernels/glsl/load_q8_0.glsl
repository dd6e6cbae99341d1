// load_q8_0.glsl - blocks of 32: w = d * q. Planes qs: int8 [blocks][32], d: half [blocks].
const uint kHiOffset = 4;
uint unit_k(uint u) { return 8 * u; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uvec2 q = U32x2In(p.w0).v[unit];
    const float d = float(F16In(p.w1).v[unit / 4]);
    return Weights8(d * vec4(bytes_signed(q.x)), d * vec4(bytes_signed(q.y)));
}
