// load_iq1_m.glsl - blocks of 256 in groups of 32: w = d (2 sc + 1) (value +- 1/8), sc of 16 and the sign of 8
// elements. Planes qs: of each eight elements eight low bits of the index; qh: of each eight three high bits and the
// sign; sc: four times 16 bits, three for each 16 elements, and in the top nibbles the half d; the grid.
WORDS(0)
WORDS(1)
WORDS(2)
WORDS(3)
struct Scale {
    vec2 d;
    uint qs, qh;
};
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) {
    const uint at = row * (p_k / 32) + g, block = at / 8, group = at % 8;
    const uvec2 sc = words2_of_8(2, block / 4, block % 4);
    const uvec4 nibbles = uvec4(sc.x >> 12, sc.x >> 28, sc.y >> 12, sc.y >> 28) & 15u;
    const uint d = nibbles.x | (nibbles.y << 4) | (nibbles.z << 8) | (nibbles.w << 12);
    const uint six = (group < 4 ? sc.x : sc.y) >> (16 * ((group / 2) % 2) + 6 * (group % 2));
    return Scale(unpackHalf2x16(d).x * vec2(2u * (uvec2(six, six >> 3) & 7u) + 1u), word_of_4(0, at / 4, at % 4),
                 word_in(1, at / 2) >> (16 * (at % 2)));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint qh = s.qh >> (4 * j);
    const uint entry = grid_at(3, byte_of(s.qs, j) | ((qh & 7u) << 8));
    const float d = j < 2 ? s.d.x : s.d.y, delta = (qh & 8u) != 0u ? -0.125 : 0.125;
    return Weights8(d * (iq1_values(entry) + delta), d * (iq1_values(entry >> 8) + delta));
}
