// load_q6_k.wgsl - blocks of 256 in groups of 16: w = d sc (q - 32). Planes ql: 128 bytes a block (of each half of 128:
// 64 bytes, elements 0-63 in the low nibbles, 64-127 in the high ones), qh: 64 bytes (of each half: 32 bytes, two bits
// for each of the elements l, l + 32, l + 64, l + 96), sc: int8 [16], d: half.
alias Scale = vec2f;  // d sc of lo's group, then of hi's
const kHiOffset = 16u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return (g / 4u) * 32u + (g % 4u) * 4u + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let block = row * ($COLUMNS / 256u) + g / 8u;
    let sc = words2_2(4u * block + (g & 4u) / 2u);  // half of the block; hi's scales are four on
    let shift = 8u * (g % 4u);
    return half3(block) * vec2f(f32(extractBits(bitcast<i32>(sc.x), shift, 8u)),
                                f32(extractBits(bitcast<i32>(sc.y), shift, 8u)));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let block = row * ($COLUMNS / 256u) + g / 8u;
    let ql = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    let qh = word1(4u * (block * 4u + ((g / 4u) % 2u) * 2u + g % 2u) + j) >> (((g / 2u) % 2u) * 2u);
    let lo = (ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4u);
    let hi = ((ql >> 4u) & 0x0f0f0f0fu) | (((qh >> 4u) & 0x03030303u) << 4u);
    return Weights8(s.x * (small_bytes(lo) - 32.0), s.y * (small_bytes(hi) - 32.0));
}
