// weights.wgsl - the one door to weights: load8 gives eight weights of a row, whatever the format. Of unit u
// (0 .. ceil($COLUMNS / 8) - 1), lo are elements unit_k(u) .. + 3 and hi those kHiOffset behind. kGroupUnits units in a
// row make a group g with one Scale. Planes are words of the one buffer w, plane i from word w_at<i> on; a kernel
// defines $COLUMNS, the elements of a row, and ALIGNED where they are whole groups.
struct Weights8 { lo: vec4f, hi: vec4f }

const w_at0 = 0u;
override w_at1: u32;
override w_at2: u32;
override w_at3: u32;
#repeat p 0,1,2,3
fn word$p(x: u32) -> u32 { return w[w_at$p + x]; }
fn words2_$p(x: u32) -> vec2u { return vec2u(word$p(x), word$p(x + 1u)); }
fn words4_$p(x: u32) -> vec4u { return vec4u(word$p(x), word$p(x + 1u), word$p(x + 2u), word$p(x + 3u)); }
fn half$p(x: u32) -> f32 { return unpack2x16float(word$p(x / 2u) >> (16u * (x & 1u))).x; }
fn float$p(x: u32, is_half: bool) -> f32 {
    if (is_half) { return half$p(x); }
    return bitcast<f32>(word$p(x));
}
fn grid$p(x: u32) -> u32 { return (word$p(x / 2u) >> (16u * (x & 1u))) & 0xffffu; }
#endrepeat

// Bits 0-3 of w as 16s, to be added to four nibbles.
fn fifth_bits(x: u32) -> vec4u { return (vec4u(x, x >> 1u, x >> 2u, x >> 3u) & vec4u(1u)) << vec4u(4u); }
fn low_nibbles(x: u32) -> vec4u { return unpack4xU8(x & 0x0f0f0f0fu); }
fn high_nibbles(x: u32) -> vec4u { return unpack4xU8((x >> 4u) & 0x0f0f0f0fu); }
#include "codes.wgsl"
#include "load_$FORMAT.wgsl"

// Unit u of a row on its own.
fn load_unit(row: u32, u: u32) -> Weights8 {
    let g = u / kGroupUnits;
    return load8(row, g, u % kGroupUnits, load_scale(row, g));
}
