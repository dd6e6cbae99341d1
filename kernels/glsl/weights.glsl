// weights.glsl - the one door to weights: load8 gives eight weights of a row, whatever the format.
// Of unit u (0 .. ceil(k / 8) - 1), lo are elements unit_k(u) .. + 3 and hi those kHiOffset behind. kGroupUnits units in a row
// share a Scale: load_scale(row, u / kGroupUnits). Define p_k (elements a row) and W_<FORMAT> before including this.
struct Weights8 {
    vec4 lo, hi;
};

uvec4 bytes(uint w) { return uvec4(w & 255u, (w >> 8) & 255u, (w >> 16) & 255u, w >> 24); }
ivec4 bytes_signed(uint w) {
    const int i = int(w);
    return ivec4(bitfieldExtract(i, 0, 8), bitfieldExtract(i, 8, 8), bitfieldExtract(i, 16, 8), i >> 24);
}
// Bits 0-3 of w as 16s, to be added to four nibbles.
uvec4 fifth_bits(uint w) { return (uvec4(w, w >> 1, w >> 2, w >> 3) & 1u) << 4; }

// Are units whole? Kernels that are only chosen then define ALIGNED_K: CPU devices run both sides of a branch.
#ifdef ALIGNED_K
bool aligned_k() { return true; }
#else
bool aligned_k() { return (p_k & 7u) == 0u; }
#endif

// Eight or sixteen bytes at once. On CPU devices a load costs by the component, so there they are 64 bits wide (LOAD_64).
#ifdef LOAD_64
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer U64In { uint64_t v[]; };
uvec2 load_u32x2(uvec2 address, uint i) { return unpack32(U64In(address).v[i]); }
uvec4 load_u32x4(uvec2 address, uint i) { return uvec4(load_u32x2(address, 2 * i), load_u32x2(address, 2 * i + 1)); }
#else
uvec2 load_u32x2(uvec2 address, uint i) { return U32x2In(address).v[i]; }
uvec4 load_u32x4(uvec2 address, uint i) { return U32x4In(address).v[i]; }
#endif

#if defined(W_F32)
#include "load_f32.glsl"
#elif defined(W_F16)
#include "load_f16.glsl"
#elif defined(W_BF16)
#include "load_bf16.glsl"
#elif defined(W_Q8_0)
#include "load_q8_0.glsl"
#elif defined(W_Q4_0)
#include "load_q4_0.glsl"
#elif defined(W_Q4_1)
#include "load_q4_1.glsl"
#elif defined(W_Q5_0)
#include "load_q5_0.glsl"
#elif defined(W_Q5_1)
#include "load_q5_1.glsl"
#elif defined(W_Q4_K)
#include "load_q4_k.glsl"
#elif defined(W_Q5_K)
#include "load_q5_k.glsl"
#elif defined(W_Q6_K)
#include "load_q6_k.glsl"
#endif

// Eight weights on their own.
Weights8 load8(uint row, uint u) { return load8(row, u, load_scale(row, u / kGroupUnits)); }
