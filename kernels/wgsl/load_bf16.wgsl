// load_bf16.wgsl - BF16 rows: the upper half of a float. Plane w: uint16 [rows][k].
alias Scale = u32;  // none
const kHiOffset = 1u;
const kGroupUnits = 1u;
fn unit_at(g: u32, j: u32) -> u32 { return 2u * g; }
fn load_scale(row: u32, g: u32) -> Scale { return 0u; }
#if ALIGNED
fn two_bf16(x: u32) -> vec2f { return bitcast<vec2f>(vec2u(x << 16u, x & 0xffff0000u)); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let bits = words4_0(row * ($COLUMNS / 2u) + 4u * g);
    return Weights8(vec4f(two_bf16(bits.x), two_bf16(bits.y)), vec4f(two_bf16(bits.z), two_bf16(bits.w)));
}
#else
fn weight_at(i: u32) -> f32 { return bitcast<f32>(grid0(i) << 16u); }
#include "odd_rows.wgsl"
#endif
