// load_tq1_0.glsl - blocks of 256: w = d (digit - 1). Planes qs: 48 bytes a block, five digits each in base three as a
// fraction of 256: of the first 32 bytes those of elements 0-159, a digit of all bytes after the other, of the last 16
// those of elements 160-239; qh: 4 bytes, four digits each, elements 240-255; d: half.
WORDS(0)
WORDS(1)
HALVES(2)
#define Scale float
const uint kHiOffset = 4;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) { return half_at(2, (row * (p_k / 32) + g) / 8); }
// Digit n of four bytes, less one.
vec4 ternary(uint w, uint n) {
    const uint power = n == 4 ? 81u : byte_of(0x1b090301u, n);  // 1, 3, 9, 27, 81
    return vec4((((bytes(w) * power) & 255u) * 3u) >> 8) - 1.0;
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint at = row * (p_k / 32) + g, block = at / 8, group = at % 8;
    if (group == 7 && j >= 2) {
        const uint qh = word_at(1, block);
        return Weights8(s * ternary(qh, 2 * j - 4), s * ternary(qh, 2 * j - 3));
    }
    const bool first = group < 5;  // the bytes of elements 0-159
    const uint pair = 6 * block + (first ? j : 4 + j % 2), digit = first ? group : 2 * group - 10 + j / 2;
    const uvec2 q = words2_of_8(0, pair / 4, pair % 4);
    return Weights8(s * ternary(q.x, digit), s * ternary(q.y, digit));
}
