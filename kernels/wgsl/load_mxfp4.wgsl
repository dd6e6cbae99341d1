// load_mxfp4.wgsl - blocks of 32: w = 2^(e - 127) * E2M1. Planes qs: as Q4_0, e: a byte a block.
alias Scale = f32;  // halved, for doubled codes
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let block = row * ($COLUMNS / 32u) + g;
    let e = byte_of(word1(block / 4u), block % 4u);
    return bitcast<f32>(select((max(e, 1u) - 1u) << 23u, 0x00200000u << min(e, 1u), e < 2u));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s * e2m1_doubled(low_nibbles(q)), s * e2m1_doubled(high_nibbles(q)));
}
