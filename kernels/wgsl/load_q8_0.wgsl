// load_q8_0.wgsl - blocks of 32: w = d * q. Planes qs: int8 [blocks][32], d: half [blocks].
alias Scale = f32;
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale { return half1(row * ($COLUMNS / 32u) + g); }
// Codes 4 i .. + 3 of a block, signed bytes.
fn signed_codes(block: u32, i: u32) -> u32 { return word0(8u * block + i); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = words2_0(8u * (row * ($COLUMNS / 32u) + g) + 2u * j);
    return Weights8(kSignedByte * s * signed_bytes(q.x), kSignedByte * s * signed_bytes(q.y));
}
