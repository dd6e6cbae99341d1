// load_tq2_0.wgsl - blocks of 256: w = d (q - 1). Planes qs: see two_bits.wgsl, d: half.
#include "two_bits.wgsl"
alias Scale = f32;
fn load_scale(row: u32, g: u32) -> Scale { return half1(two_bits_at(row, g).block); }
fn load8(row: u32, g: u32, j: u32, s: Scale) -> Weights8 {
    let q = two_bits(two_bits_at(row, g), j);
    return Weights8(s * (small_bytes(q & 0x03030303u) - 1.0),
                    s * (small_bytes((q >> 2u) & 0x03030303u) - 1.0));
}
