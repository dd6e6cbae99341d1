// load_q2_0.wgsl - blocks of 64: w = d (q - 1). Planes qs: 16 bytes a block, two bits an element, d: half.
struct Scale { d: f32, q: vec2u }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    return Scale(half1(at / 2u), words2_0(2u * at));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = select(s.q.y, s.q.x, j < 2u) >> (16u * (j % 2u));
    return Weights8(s.d * (vec4f(codes_of_2(q)) - 1.0), s.d * (vec4f(codes_of_2(q >> 8u)) - 1.0));
}
