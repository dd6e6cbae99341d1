// two_bits.wgsl - blocks of 256 whose two low bits are stored as those of Q2_K. Plane qs: 64 bytes a block, 32 for each
// half of 128: bits 2 s and 2 s + 1 of byte l belong to element 32 s + l. A group is 16 bytes, and of each two values
// of s, those of lo and of hi.
const kHiOffset = 8u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return (g / 4u) * 32u + ((g / 2u) % 2u) * 16u + (g % 2u) * 4u + j; }
// lo is in half `side`, at s = 2 pair, in 16 elements 2 pair, part of it.
struct TwoBits { block: u32, side: u32, pair: u32, part: u32 }
fn two_bits_at(row: u32, g: u32) -> TwoBits {
    return TwoBits(row * ($COLUMNS / 256u) + g / 8u, (g / 4u) % 2u, (g / 2u) % 2u, g % 2u);
}
// Of unit j: lo in bits 0 and 1 of each byte, hi in bits 2 and 3.
fn two_bits(at: TwoBits, j: u32) -> u32 {
    return word0(4u * (at.block * 4u + at.side * 2u + at.part) + j) >> (4u * at.pair);
}
