// load_iq4_nl.wgsl - blocks of 32: w = d * value[q]. Planes as Q4_0.
alias Scale = f32;
const kHiOffset = 4u;
const kGroupUnits = 4u;
fn unit_at(g: u32, j: u32) -> u32 { return 8u * g + j; }
fn load_scale(row: u32, g: u32) -> Scale { return half1(row * ($COLUMNS / 32u) + g); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = word0(4u * (row * ($COLUMNS / 32u) + g) + j);
    return Weights8(s * iq4_values(low_nibbles(q)), s * iq4_values(high_nibbles(q)));
}
