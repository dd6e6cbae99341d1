// load_iq3_xxs.glsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 2 value. Planes qs: 64 bytes a block, an
// index of each four elements; signs_sc: a word a group, four times seven signs and sc; d: half; the grid.
WORDS(0)
WORDS(1)
HALVES(2)
WORDS(3)
struct Scale {
    float d;
    uvec2 qs;
    uint signs;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    const uint signs = word_of_4(1, at / 4, at % 4);
    return Scale(half_at(2, at / 8) * (0.5 + float(signs >> 28)) * 0.5, words2_of_8(0, at / 4, at % 4), signs);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint qs = (j < 2 ? s.qs.x : s.qs.y) >> (16 * (j % 2)), signs = eight_signs(s.signs >> (7 * j));
    return Weights8(s.d * with_signs(iq3_xxs_values(grid_at(3, qs & 255u)), signs),
                    s.d * with_signs(iq3_xxs_values(grid_at(3, (qs >> 8) & 255u)), signs >> 4));
}
