// weights.wgsl - the one door to weights: load8 gives eight weights of a row, whatever the format. Of unit j of group g,
// lo is four i = unit_at(g, j), elements 4 i .. + 3, and hi four i + kHiOffset. kGroupUnits units, of which a row has
// ceil($COLUMNS / 8), make a group with one Scale. Planes are words of the one buffer w, plane i from word w_at<i> on; a
// kernel defines $COLUMNS, the elements of a row, and ALIGNED where they are whole groups.
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

fn bytes_of(x: u32) -> vec4u { return (vec4u(x) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u); }
// The bytes of a word as numbers: signed ones, and those below 128. SwiftShader, which is Chromium's CPU adapter, takes
// vectors apart to shift them: there bytes stay where they are, and their place is a factor.
#if ALONE
const kSignedByte = 0x1p-24;
fn signed_bytes(x: u32) -> vec4f {
    return vec4f(bitcast<vec4i>((vec4u(x) * vec4u(0x1000000u, 0x10000u, 0x100u, 1u)) & vec4u(0xff000000u)));
}
fn small_bytes(x: u32) -> vec4f {
    let apart = vec4u(x) & vec4u(0x7fu, 0x7f00u, 0x7f0000u, 0x7f000000u);
    return vec4f(bitcast<vec4i>(apart)) * vec4f(1, 0x1p-8, 0x1p-16, 0x1p-24);
}
#else
const kSignedByte = 1.0;
fn signed_bytes(x: u32) -> vec4f {
    return vec4f(bitcast<vec4i>(vec4u(x) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}
fn small_bytes(x: u32) -> vec4f { return vec4f(bytes_of(x)); }
#endif
// Bits 0-3 of x as 16s, to be added to four nibbles.
fn fifth_bits(x: u32) -> u32 { return ((x & 15u) * 0x02040810u) & 0x10101010u; }
fn low4(x: u32) -> u32 { return x & 0x0f0f0f0fu; }
fn high4(x: u32) -> u32 { return (x >> 4u) & 0x0f0f0f0fu; }
fn low_nibbles(x: u32) -> vec4u { return bytes_of(low4(x)); }
fn high_nibbles(x: u32) -> vec4u { return bytes_of(high4(x)); }
#include "codes.wgsl"
#include "load_$FORMAT.wgsl"

// Unit u of a row on its own.
fn load_unit(row: u32, u: u32) -> Weights8 {
    let g = u / kGroupUnits;
    return load8(row, g, u % kGroupUnits, load_scale(row, g));
}
