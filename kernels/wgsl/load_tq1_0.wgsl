// load_tq1_0.wgsl - blocks of 256: w = d (digit - 1). Planes qs: 48 bytes a block, five digits each in base three as a
// fraction of 256: of the first 32 bytes those of elements 0-159, a digit of all bytes after the other, of the last 16
// those of elements 160-239; qh: 4 bytes, four digits each, elements 240-255; d: half.
alias Scale = f32;
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale { return half2((row * ($COLUMNS / 32u) + g) / 8u); }
// Digit of four bytes, less one.
fn ternary(x: u32, digit: u32) -> vec4f {
    let power = select(byte_of(0x1b090301u, digit), 81u, digit == 4u);  // 1, 3, 9, 27, 81
    return vec4f((((bytes_of(x) * power) & vec4u(255u)) * 3u) >> vec4u(8u)) - 1.0;
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let at = row * ($COLUMNS / 32u) + g;
    let block = at / 8u;
    let group = at % 8u;
    if (group == 7u && j >= 2u) {
        let qh = word1(block);
        return Weights8(s * ternary(qh, 2u * j - 4u), s * ternary(qh, 2u * j - 3u));
    }
    let first = group < 5u;  // the bytes of elements 0-159
    let pair = 6u * block + select(4u + j % 2u, j, first);
    let digit = select(2u * group - 10u + j / 2u, group, first);
    let q = words2_0(2u * pair);
    return Weights8(s * ternary(q.x, digit), s * ternary(q.y, digit));
}
