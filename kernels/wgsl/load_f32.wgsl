// load_f32.wgsl - F32 rows. Plane w: float [rows][k].
alias Scale = u32;  // none
const kHiOffset = 1u;
const kGroupUnits = 1u;
fn unit_at(g: u32, j: u32) -> u32 { return 2u * g; }
fn load_scale(row: u32, g: u32) -> Scale { return 0u; }
#if ALIGNED
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let at = row * $COLUMNS + 8u * g;
    return Weights8(bitcast<vec4f>(words4_0(at)), bitcast<vec4f>(words4_0(at + 4u)));
}
#else
fn weight_at(i: u32) -> f32 { return bitcast<f32>(word0(i)); }
#include "odd_rows.wgsl"
#endif
