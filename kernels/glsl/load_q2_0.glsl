// load_q2_0.glsl - blocks of 64: w = d (q - 1). Planes qs: 16 bytes a block, two bits an element, d: half.
WORDS(0)
HALVES(1)
struct Scale {
    float d;
    uvec2 q;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    return Scale(half_at(1, at / 2), words2_of_8(0, at / 4, at % 4));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = (j < 2 ? s.q.x : s.q.y) >> (16 * (j % 2));
    return Weights8(s.d * (vec4(codes_of_2(q)) - 1.0), s.d * (vec4(codes_of_2(q >> 8)) - 1.0));
}
