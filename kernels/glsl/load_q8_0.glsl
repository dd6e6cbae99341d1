// load_q8_0.glsl - blocks of 32: w = d * q. Planes qs: int8 [blocks][32], d: half [blocks].
WORDS(0)
HALVES(1)
#define Scale float
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return half_at(1, block);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint block = row * (p_k / 32) + g;
    const uvec2 q = words2_of_8(0, block, j);
    return Weights8(s * vec4(bytes_signed(q.x)), s * vec4(bytes_signed(q.y)));
}
