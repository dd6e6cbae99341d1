// load_iq3_s.wgsl - blocks of 256 in groups of 32: w = +- d (1 + 2 sc) value. Planes qs_qh: 72 bytes a block, of each
// four elements eight low bits of the index, then a ninth bit of each; signs_sc: 36 bytes, a bit an element, then a
// nibble a group; d: half; the grid.
struct Scale { d: f32, qs: vec2u, qh: u32, signs: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let block = row * ($COLUMNS / 256u) + g / 8u;
    let group = g % 8u;
    let sc = (word1(9u * block + 8u) >> (4u * group)) & 15u;
    return Scale(half2(block) * f32(1u + 2u * sc), words2_0(18u * block + 2u * group),
                 byte_of(word0(18u * block + 16u + group / 4u), group % 4u), word1(9u * block + group));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let qs = select(s.qs.y, s.qs.x, j < 2u) >> (16u * (j % 2u));
    let qh = s.qh >> (2u * j);
    let signs = s.signs >> (8u * j);
    let lo = (qs & 255u) | ((qh & 1u) << 8u);
    let hi = ((qs >> 8u) & 255u) | ((qh & 2u) << 7u);
    return Weights8(s.d * with_signs(iq3_s_values(grid3(lo)), signs),
                    s.d * with_signs(iq3_s_values(grid3(hi)), signs >> 4u));
}
