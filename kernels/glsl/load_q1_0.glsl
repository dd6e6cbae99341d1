// load_q1_0.glsl - blocks of 128: w = bit ? d : -d. Planes qs: 16 bytes a block, d: half.
WORDS(0)
HALVES(1)
struct Scale {
    float d;
    uint q;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    return Scale(half_at(1, at / 4), word_of_4(0, at / 4, at % 4));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint minus = ~(s.q >> (8 * j));
    return Weights8(with_signs(vec4(s.d), minus), with_signs(vec4(s.d), minus >> 4));
}
