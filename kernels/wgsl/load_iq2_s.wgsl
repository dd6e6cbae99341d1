// load_iq2_s.wgsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value, sc of 16. Planes qs_signs: 64 bytes a
// block, of each eight elements eight low bits of the index, then a sign of each; qh_sc: 16 bytes, two high bits of
// each index, then a nibble for each 16 elements; d: half; the grid.
struct Scale { d: vec2f, qs: u32, qh: u32, signs: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let block = row * ($COLUMNS / 256u) + g / 8u;
    let group = g % 8u;
    let sc = byte_of(word1(4u * block + 2u + group / 4u), group % 4u);
    return Scale(half2(block) * (0.5 + vec2f(vec2u(sc & 15u, sc >> 4u))) * 0.25, word0(16u * block + group),
                 byte_of(word1(4u * block + group / 4u), group % 4u), word0(16u * block + 8u + group));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let entry = grid3(byte_of(s.qs, j) | (((s.qh >> (2u * j)) & 3u) << 8u));
    let signs = s.signs >> (8u * j);
    let d = select(s.d.y, s.d.x, j < 2u);
    return Weights8(d * with_signs(iq2_values(entry), signs), d * with_signs(iq2_values(entry >> 8u), signs >> 4u));
}
