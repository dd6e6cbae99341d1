// load_q4_0.glsl - blocks of 32: w = d * (q - 8). Planes qs: 16 bytes a block (byte j: elements j and j + 16), d: half.
WORDS(0)
HALVES(1)
#define Scale float
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) {
    const uint block = row * (p_k / 32) + g;
    return half_at(1, block);
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint block = row * (p_k / 32) + g;
    const uint q = word_of_4(0, block, j);
    return Weights8(s * (vec4(bytes(q & 0x0f0f0f0fu)) - 8.0), s * (vec4(bytes((q >> 4) & 0x0f0f0f0fu)) - 8.0));
}
