// load_q8_0.glsl - blocks of 32: w = d * q. Planes qs: int8 [blocks][32], d: half [blocks].
#define Scale float
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return float(F16In(p.w1).v[block]);
}
Weights8 load8(uint row, uint u, Scale s) {
    const uint unit = row * (p_k / 8) + u;
    const uvec2 q = load_u32x2(p.w0, unit);
    return Weights8(s * vec4(bytes_signed(q.x)), s * vec4(bytes_signed(q.y)));
}
