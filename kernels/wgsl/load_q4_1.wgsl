// load_q4_1.wgsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), dm: half
// d, m.
alias Scale = vec2f;  // d, m
const kHiOffset = 16u;
const kGroupUnits = 4u;
fn unit_k(u: u32) -> u32 { return (u / 4u) * 32u + (u % 4u) * 4u; }
fn load_scale(row: u32, g: u32) -> Scale { return unpack2x16float(word1(row * ($COLUMNS / 32u) + g)); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s.x * vec4f(low_nibbles(q)) + s.y, s.x * vec4f(high_nibbles(q)) + s.y);
}
