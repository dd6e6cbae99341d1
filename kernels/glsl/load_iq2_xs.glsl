// load_iq2_xs.glsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value, sc of 16. Planes qs: 64 bytes a
// block, of each eight elements nine bits of index and seven signs; sc: a nibble for each 16 elements; d: half; the
// grid.
WORDS(0)
WORDS(1)
HALVES(2)
WORDS(3)
struct Scale {
    vec2 d;
    uvec2 qs;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g;
    const uint sc = byte_of(word_in(1, at / 4), at % 4);
    return Scale(half_at(2, at / 8) * (0.5 + vec2(sc & 15u, sc >> 4)) * 0.25, words2_of_8(0, at / 4, at % 4));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint qs = (j < 2 ? s.qs.x : s.qs.y) >> (16 * (j % 2));
    const uint entry = grid_at(3, qs & 511u), signs = eight_signs(qs >> 9);
    const float d = j < 2 ? s.d.x : s.d.y;
    return Weights8(d * with_signs(iq2_values(entry), signs), d * with_signs(iq2_values(entry >> 8), signs >> 4));
}
