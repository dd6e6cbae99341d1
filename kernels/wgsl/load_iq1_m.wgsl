// load_iq1_m.wgsl - blocks of 256 in groups of 32: w = d (2 sc + 1) (value +- 1/8), sc of 16 and the sign of 8
// elements. Planes qs: of each eight elements eight low bits of the index; qh: of each eight three high bits and the
// sign; sc: four times 16 bits, three for each 16 elements, and in the top nibbles the half d; the grid.
struct Scale { d: vec2f, qs: u32, qh: u32 }
const kHiOffset = 1u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + 2u * j; }
fn load_scale(row: u32, g: u32) -> Scale {
    let at = row * ($COLUMNS / 32u) + g;
    let group = at % 8u;
    let sc = words2_2(2u * (at / 8u));
    let nibbles = vec4u(sc.x >> 12u, sc.x >> 28u, sc.y >> 12u, sc.y >> 28u) & vec4u(15u);
    let d = nibbles.x | (nibbles.y << 4u) | (nibbles.z << 8u) | (nibbles.w << 12u);
    let six = select(sc.y, sc.x, group < 4u) >> (16u * ((group / 2u) % 2u) + 6u * (group % 2u));
    return Scale(unpack2x16float(d).x * vec2f(2u * (vec2u(six, six >> 3u) & vec2u(7u)) + 1u), word0(at),
                 word1(at / 2u) >> (16u * (at % 2u)));
}
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let qh = s.qh >> (4u * j);
    let entry = grid3(byte_of(s.qs, j) | ((qh & 7u) << 8u));
    let d = select(s.d.y, s.d.x, j < 2u);
    let delta = select(0.125, -0.125, (qh & 8u) != 0u);
    return Weights8(d * (iq1_values(entry) + delta), d * (iq1_values(entry >> 8u) + delta));
}
