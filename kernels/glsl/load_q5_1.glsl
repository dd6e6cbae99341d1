// load_q5_1.glsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), qh: the
// fifth bits (bit i: element i), dm: half d, m.
WORDS(0)
WORDS(1)
WORDS(2)
struct Scale {
    vec2 dm;
    uint qh;
};
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return Scale(unpackHalf2x16(word_at(2, block)), word_at(1, block));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint block = row * (p_k / 32) + g;
    const uint q = word_of_4(0, block, j);
    const uint qh = s.qh >> (j * 4);
    const uvec4 lo = bytes(q & 0x0f0f0f0fu) + fifth_bits(qh), hi = bytes((q >> 4) & 0x0f0f0f0fu) + fifth_bits(qh >> 16);
    return Weights8(s.dm.x * vec4(lo) + s.dm.y, s.dm.x * vec4(hi) + s.dm.y);
}
