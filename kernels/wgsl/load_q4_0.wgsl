// load_q4_0.wgsl - blocks of 32: w = d * (q - 8). Planes qs: 16 bytes a block (byte j: elements j and j + 16), d: half.
alias Scale = f32;
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale { return half1(row * ($COLUMNS / 32u) + g); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s * (small_bytes(low4(q)) - 8.0), s * (small_bytes(high4(q)) - 8.0));
}
// Codes 4 i .. + 3 of a block less 8, signed bytes: no byte borrows from the next.
fn signed_codes(block: u32, i: u32) -> u32 {
    let nibbles = (word0(4u * block + i % 4u) >> (i & 4u)) & 0x0f0f0f0fu;
    return ((nibbles | 0x80808080u) - 0x08080808u) ^ 0x80808080u;
}
