// load_q4_1.glsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), dm: half
// d, m.
WORDS(0)
WORDS(1)
#define Scale vec2  // d, m
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return unpackHalf2x16(word_at(1, block));
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint block = row * (p_k / 32) + g;
    const uint q = word_of_4(0, block, j);
    return Weights8(s.x * vec4(bytes(q & 0x0f0f0f0fu)) + s.y, s.x * vec4(bytes((q >> 4) & 0x0f0f0f0fu)) + s.y);
}
