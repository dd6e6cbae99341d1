// load_iq2_s.glsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value, sc of 16. Planes qs_signs: 64 bytes a
// block, of each eight elements eight low bits of the index, then a sign of each; qh_sc: 16 bytes, two high bits of
// each index, then a nibble for each 16 elements; d: half; the grid.
WORDS(0)
WORDS(1)
HALVES(2)
WORDS(3)
struct Scale {
    vec2 d;
    uint qs, qh, signs;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 256) + g / 8, group = g % 8;
    const uvec4 qh_sc = words4(1, block);
    const uint sc = byte_of(group < 4 ? qh_sc.z : qh_sc.w, group % 4);
    return Scale(half_at(2, block) * (0.5 + vec2(sc & 15u, sc >> 4)) * 0.25, word_in(0, 16 * block + group),
                 byte_of(group < 4 ? qh_sc.x : qh_sc.y, group % 4), word_in(0, 16 * block + 8 + group));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint entry = grid_at(3, byte_of(s.qs, j) | (((s.qh >> (2 * j)) & 3u) << 8)), signs = s.signs >> (8 * j);
    const float d = j < 2 ? s.d.x : s.d.y;
    return Weights8(d * with_signs(iq2_values(entry), signs), d * with_signs(iq2_values(entry >> 8), signs >> 4));
}
