// load_q1_0.wgsl - blocks of 128: w = bit ? d : -d. Planes qs: 16 bytes a block, d: half.
struct Scale { d: f32, q: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    return Scale(half1(at / 4u), word0(at));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let minus = ~(s.q >> (8u * j));
    return Weights8(with_signs(vec4f(s.d), minus), with_signs(vec4f(s.d), minus >> 4u));
}
