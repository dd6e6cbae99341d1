// load_nvfp4.wgsl - blocks of 64 in groups of 16: w = E4M3 * E2M1. Planes qs: 8 bytes a group (byte j: elements j and
// j + 8), d: a byte a group, its sign unused.
alias Scale = f32;  // halved, for doubled codes
const kHiOffset = 2u;
const kGroupUnits = 2u;
fn unit_at(g: u32, j: u32) -> u32 { return 4u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 16u) + g;
    let d = byte_of(word1(at / 4u), at % 4u) & 127u;
    // The exponent's bias is 7, and 8 halves it; 127 is that of a float.
    return select(bitcast<f32>((d << 20u) + ((127u - 8u) << 23u)), f32(d) / 1024.0, d < 8u);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(2u * (row * ($COLUMNS / 16u) + g) + j);
    return Weights8(s * e2m1_doubled(low_nibbles(q)), s * e2m1_doubled(high_nibbles(q)));
}
