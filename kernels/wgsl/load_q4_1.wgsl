// load_q4_1.wgsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), dm: half
// d, m.
alias Scale = vec2f;  // d, m
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale { return unpack2x16float(word1(row * ($COLUMNS / 32u) + g)); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s.x * small_bytes(low4(q)) + s.y, s.x * small_bytes(high4(q)) + s.y);
}
