// two_bits.glsl - blocks of 256 whose two low bits are stored as those of Q2_K. Plane qs: 64 bytes a block, 32 for each
// half of 128: bits 2 s and 2 s + 1 of byte l belong to element 32 s + l. A group is 16 bytes, and of each two values
// of s, those of lo and of hi.
WORDS(0)
const uint kHiOffset = 32;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 16) * 128 + ((u / 8) % 2) * 64 + (u % 8) * 4; }
struct TwoBits {
    uint block, side, pair, part;  // lo is in half `side`, at s = 2 pair, in 16 elements 2 pair, part of it
};
TwoBits two_bits_at(uint row, uint g) { return TwoBits(row * (p_k / 256) + g / 8, (g / 4) % 2, (g / 2) % 2, g % 2); }
// Of unit j: lo in bits 0 and 1 of each byte, hi in bits 2 and 3.
uint two_bits(TwoBits at, uint j) { return word_of_4(0, at.block * 4 + at.side * 2 + at.part, j) >> (4 * at.pair); }
