// load_q4_0.wgsl - blocks of 32: w = d * (q - 8). Planes qs: 16 bytes a block (byte j: elements j and j + 16), d: half.
alias Scale = f32;
const kHiOffset = 16u;
const kGroupUnits = 4u;
fn unit_k(u: u32) -> u32 { return (u / 4u) * 32u + (u % 4u) * 4u; }
fn load_scale(row: u32, g: u32) -> Scale { return half1(row * ($COLUMNS / 32u) + g); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s * (vec4f(low_nibbles(q)) - 8.0), s * (vec4f(high_nibbles(q)) - 8.0));
}
// The codes less 8 of unit j of a block, signed bytes: no byte borrows from the next.
fn signed_codes(block: u32, j: u32) -> vec2u {
    let q = word0(4u * block + j);
    let nibbles = vec2u(q, q >> 4u) & vec2u(0x0f0f0f0fu);
    return ((nibbles | vec2u(0x80808080u)) - vec2u(0x08080808u)) ^ vec2u(0x80808080u);
}
