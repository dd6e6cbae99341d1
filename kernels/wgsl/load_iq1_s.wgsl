// load_iq1_s.wgsl - blocks of 256 in groups of 32: w = d (2 sc + 1) (value +- 1/8). Planes qs: of each eight elements
// eight low bits of the index; qh: 16 bits a group, four times three high bits, sc, the sign; d: half; the grid.
struct Scale { d: f32, delta: f32, qs: u32, qh: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    let qh = word1(at / 2u) >> (16u * (at % 2u));
    let d = half2(at / 8u) * f32(2u * ((qh >> 12u) & 7u) + 1u);
    return Scale(d, select(0.125, -0.125, (qh & 0x8000u) != 0u), word0(at), qh);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let entry = grid3(byte_of(s.qs, j) | (((s.qh >> (3u * j)) & 7u) << 8u));
    return Weights8(s.d * (iq1_values(entry) + s.delta), s.d * (iq1_values(entry >> 8u) + s.delta));
}
