// load_f16.wgsl - F16 rows. Plane w: half [rows][k].
alias Scale = u32;  // none
const kHiOffset = 1u;
const kGroupUnits = 1u;
fn unit_at(g: u32, j: u32) -> u32 { return 2u * g; }
fn load_scale(row: u32, g: u32) -> Scale { return 0u; }
#if ALIGNED
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let bits = words4_0(row * ($COLUMNS / 2u) + 4u * g);
    return Weights8(vec4f(unpack2x16float(bits.x), unpack2x16float(bits.y)),
                    vec4f(unpack2x16float(bits.z), unpack2x16float(bits.w)));
}
#else
fn weight_at(i: u32) -> f32 { return half0(i); }
#include "odd_rows.wgsl"
#endif
