// load_iq2_xxs.glsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value. Planes qs: 8 bytes a group, four
// indices, four times seven signs and sc; d: half; the grid.
WORDS(0)
HALVES(1)
WORDS(2)
struct Scale {
    float d;
    uint qs, signs;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    const uvec2 q = words2_of_8(0, at / 4, at % 4);
    return Scale(half_at(1, at / 8) * (0.5 + float(q.y >> 28)) * 0.25, q.x, q.y);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint entry = grid_at(2, byte_of(s.qs, j)), signs = eight_signs(s.signs >> (7 * j));
    return Weights8(s.d * with_signs(iq2_values(entry), signs), s.d * with_signs(iq2_values(entry >> 8), signs >> 4));
}
