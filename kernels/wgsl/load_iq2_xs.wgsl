// load_iq2_xs.wgsl - blocks of 256 in groups of 32: w = +- d (0.5 + sc) / 4 value, sc of 16. Planes qs: 64 bytes a
// block, of each eight elements nine bits of index and seven signs; sc: a nibble for each 16 elements; d: half; the
// grid.
struct Scale { d: vec2f, qs: vec2u }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    let sc = byte_of(word1(at / 4u), at % 4u);
    return Scale(half2(at / 8u) * (0.5 + vec2f(vec2u(sc & 15u, sc >> 4u))) * 0.25, words2_0(2u * at));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let qs = select(s.qs.y, s.qs.x, j < 2u) >> (16u * (j % 2u));
    let entry = grid3(qs & 511u);
    let signs = eight_signs(qs >> 9u);
    let d = select(s.d.y, s.d.x, j < 2u);
    return Weights8(d * with_signs(iq2_values(entry), signs), d * with_signs(iq2_values(entry >> 8u), signs >> 4u));
}
