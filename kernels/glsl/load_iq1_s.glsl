// load_iq1_s.glsl - blocks of 256 in groups of 32: w = d (2 sc + 1) (value +- 1/8). Planes qs: of each eight elements
// eight low bits of the index; qh: 16 bits a group, four times three high bits, sc, the sign; d: half; the grid.
WORDS(0)
WORDS(1)
HALVES(2)
WORDS(3)
struct Scale {
    float d, delta;
    uint qs, qh;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    const uint qh = word_in(1, at / 2) >> (16 * (at % 2));
    const float d = half_at(2, at / 8) * float(2u * ((qh >> 12) & 7u) + 1u);
    return Scale(d, (qh & 0x8000u) != 0u ? -0.125 : 0.125, word_of_4(0, at / 4, at % 4), qh);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint entry = grid_at(3, byte_of(s.qs, j) | (((s.qh >> (3 * j)) & 7u) << 8));
    return Weights8(s.d * (iq1_values(entry) + s.delta), s.d * (iq1_values(entry >> 8) + s.delta));
}
