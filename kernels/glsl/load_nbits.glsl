// load_nbits.glsl - blocks of 16 to 256 codes of 2, 4 or 8 bits: w = scale * (code - zero point) (gguf/nbits.h).
// Planes: codes, from the lowest bit on; scales, halves or floats; packed zero points, each row from a byte on; zero
// points that are halves or floats. Blocks begin on a word. Codes of the last block that are behind the row are any.
layout(constant_id = 21) const uint BITS = 4;
layout(constant_id = 22) const uint BLOCK = 32;
layout(constant_id = 23) const uint ZERO = 0;  // NBits::Zero: the middle code, plane 2, plane 3
layout(constant_id = 24) const uint HALF_FLOATS = 0;
WORDS(0)
HALVES(1)
WORDS(2)
HALVES(3)
#define Scale vec2  // scale, zero point
const uint kHiOffset = 4;
const uint kGroupUnits = BLOCK < 32 ? 2 : 4;
uint unit_k(uint u) { return 8 * u; }
uint row_blocks() { return (p_k + BLOCK - 1) / BLOCK; }
Scale load_scale(uint row, uint g) {
    const uint in_row = g * kGroupUnits * 8 / BLOCK, block = row * row_blocks() + in_row;
    float zero = float(1u << (BITS - 1));
    if (ZERO == 1) {
        const uint row_bytes = (row_blocks() * BITS + 7) / 8, bit = in_row * BITS, at = row * row_bytes + bit / 8;
        zero = float(bitfieldExtract(word_at(2, at / 4), int(8 * (at % 4) + bit % 8), int(BITS)));
    }
    if (ZERO == 2) zero = float_at(3, block, HALF_FLOATS != 0);
    return vec2(float_at(1, block, HALF_FLOATS != 0), zero);
}
// The codes of unit j, a byte each.
uvec2 load_codes(uint row, uint g, uint j) {
    const uint unit = g * kGroupUnits + j, row_word = row * row_blocks() * (BLOCK * BITS / 32);
    if (BITS == 8) return uvec2(word_in(0, row_word + 2 * unit), word_in(0, row_word + 2 * unit + 1));
    const uint word = word_in(0, row_word + unit * BITS / 4);
    if (BITS == 4) {
        const uvec2 four = uvec2(word & 0xffffu, word >> 16), spread = (four | four << 8) & 0x00ff00ffu;
        return (spread | spread << 4) & 0x0f0f0f0fu;
    }
    const uvec2 eight = uvec2(word >> (16 * (unit % 2)), word >> (16 * (unit % 2) + 8)) & 0xffu;
    return (eight | eight << 6 | eight << 12 | eight << 18) & 0x03030303u;
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uvec2 codes = load_codes(row, g, j);
    return Weights8(s.x * (vec4(bytes(codes.x)) - s.y), s.x * (vec4(bytes(codes.y)) - s.y));
}
