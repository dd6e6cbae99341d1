// load_iq3_s.glsl - blocks of 256 in groups of 32: w = +- d (1 + 2 sc) value. Planes qs_qh: 72 bytes a block, of each
// four elements eight low bits of the index, then a ninth bit of each; signs_sc: 36 bytes, a bit an element, then a
// nibble a group; d: half; the grid.
WORDS(0)
WORDS(1)
HALVES(2)
WORDS(3)
struct Scale {
    float d;
    uvec2 qs;
    uint qh, signs;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 256) + g / 8, group = g % 8;
    const uint sc = (word_in(1, 9 * block + 8) >> (4 * group)) & 15u;
    return Scale(half_at(2, block) * float(1u + 2u * sc),
                 uvec2(word_in(0, 18 * block + 2 * group), word_in(0, 18 * block + 2 * group + 1)),
                 byte_of(word_in(0, 18 * block + 16 + group / 4), group % 4), word_in(1, 9 * block + group));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint qs = (j < 2 ? s.qs.x : s.qs.y) >> (16 * (j % 2)), qh = s.qh >> (2 * j), signs = s.signs >> (8 * j);
    const uint lo = (qs & 255u) | ((qh & 1u) << 8), hi = ((qs >> 8) & 255u) | ((qh & 2u) << 7);
    return Weights8(s.d * with_signs(iq3_s_values(grid_at(3, lo)), signs),
                    s.d * with_signs(iq3_s_values(grid_at(3, hi)), signs >> 4));
}
