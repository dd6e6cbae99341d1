// load_iq3_xxs.wgsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 2 value. Planes qs: 64 bytes a block, an
// index of each four elements; signs_sc: a word a group, four times seven signs and sc; d: half; the grid.
struct Scale { d: f32, qs: vec2u, signs: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    let signs = word1(at);
    return Scale(half2(at / 8u) * (0.5 + f32(signs >> 28u)) * 0.5, words2_0(2u * at), signs);
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let qs = select(s.qs.y, s.qs.x, j < 2u) >> (16u * (j % 2u));
    let signs = eight_signs(s.signs >> (7u * j));
    return Weights8(s.d * with_signs(iq3_xxs_values(grid3(qs & 255u)), signs),
                    s.d * with_signs(iq3_xxs_values(grid3((qs >> 8u) & 255u)), signs >> 4u));
}
