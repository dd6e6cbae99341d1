// load_iq2_xxs.wgsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value. Planes qs: 8 bytes a group, four
// indices, four times seven signs and sc; d: half; the grid.
struct Scale { d: f32, qs: u32, signs: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    let q = words2_0(2u * at);
    return Scale(half1(at / 8u) * (0.5 + f32(q.y >> 28u)) * 0.25, q.x, q.y);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let entry = grid2(byte_of(s.qs, j));
    let signs = eight_signs(s.signs >> (7u * j));
    return Weights8(s.d * with_signs(iq2_values(entry), signs), s.d * with_signs(iq2_values(entry >> 8u), signs >> 4u));
}
