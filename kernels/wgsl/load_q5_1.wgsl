// load_q5_1.wgsl - blocks of 32: w = d * q + m. Planes qs: 16 bytes a block (byte j: elements j and j + 16), qh: the
// fifth bits (bit i: element i), dm: half d, m.
struct Scale { dm: vec2f, qh: u32 }
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let block = row * ($COLUMNS / 32u) + g;
    return Scale(unpack2x16float(word2(block)), word1(block));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    let qh = s.qh >> (j * 4u);
    return Weights8(s.dm.x * small_bytes(low4(q) | fifth_bits(qh)) + s.dm.y,
                    s.dm.x * small_bytes(high4(q) | fifth_bits(qh >> 16u)) + s.dm.y);
}
