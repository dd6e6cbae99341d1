// weights.glsl - the one door to weights: load8 gives eight weights of a row, whatever the format.
// Of unit u (0 .. ceil(k / 8) - 1), lo are elements unit_k(u) .. + 3 and hi those kHiOffset behind. kGroupUnits units
// in a row make a group g with one Scale: load8(row, g, j, load_scale(row, g)) gives unit j of it. Define p_k (elements
// a row) and W_<FORMAT> before including this.
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

// How planes are read. WORDS(i) and HALVES(i) declare plane i of a format; then
//   words4(i, x)          words 4 x .. 4 x + 3          word_of_4(i, x, j)    word 4 x + j
//   words2_of_8(i, x, j)  words 8 x + 2 j and the next  word_at(i, x)         word x, for planes of one word a block
//   half_at(i, x)         half x                        word_in(i, x)         word x, for planes of more than one
//   grid_at(i, x)         entry x of the grid (gguf/grids.h), plane i
//   float_at(i, x, h)     half x of HALVES(i), or float x where h is false
// By address; or with TEXELS as texel buffers in set 1 (runtime/vk/texels.h), which CPU devices read several times
// faster.
#ifdef TEXELS
#define WORDS(i) layout(set = 1, binding = i) uniform utextureBuffer plane##i;
#define HALVES(i) layout(set = 1, binding = i) uniform textureBuffer plane##i;
#define words4(i, x) texelFetch(plane##i, int(x))
#define word_of_4(i, x, j) texelFetch(plane##i, int(x))[j]
#define words2_of_8(i, x, j) half_of(texelFetch(plane##i, int(2 * (x) + (j) / 2)), (j) % 2)
#define word_at(i, x) texelFetch(plane##i, int(x)).r
#define half_at(i, x) texelFetch(plane##i, int(x)).r
#define float_at(i, x, h) half_at(i, x)
uvec2 half_of(uvec4 words, uint second) { return second == 0u ? words.xy : words.zw; }
#else
#define WORDS(i)
#define HALVES(i)
#define words4(i, x) U32x4In(p.w##i).v[x]
#define word_of_4(i, x, j) U32In(p.w##i).v[4 * (x) + (j)]
#define words2_of_8(i, x, j) U32x2In(p.w##i).v[4 * (x) + (j)]
#define word_at(i, x) U32In(p.w##i).v[x]
#define half_at(i, x) float(F16In(p.w##i).v[x])
#define float_at(i, x, h) ((h) ? half_at(i, x) : F32In(p.w##i).v[x])
#endif

#define word_in(i, x) word_of_4(i, (x) / 4, (x) % 4)
#define grid_at(i, x) ((word_at(i, (x) / 2) >> (16 * ((x)&1u))) & 0xffffu)
#include "codes.glsl"

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
#elif defined(W_Q2_K)
#include "load_q2_k.glsl"
#elif defined(W_Q3_K)
#include "load_q3_k.glsl"
#elif defined(W_IQ4_NL)
#include "load_iq4_nl.glsl"
#elif defined(W_IQ4_XS)
#include "load_iq4_xs.glsl"
#elif defined(W_IQ3_S)
#include "load_iq3_s.glsl"
#elif defined(W_IQ3_XXS)
#include "load_iq3_xxs.glsl"
#elif defined(W_IQ2_S)
#include "load_iq2_s.glsl"
#elif defined(W_IQ2_XS)
#include "load_iq2_xs.glsl"
#elif defined(W_IQ2_XXS)
#include "load_iq2_xxs.glsl"
#elif defined(W_IQ1_S)
#include "load_iq1_s.glsl"
#elif defined(W_IQ1_M)
#include "load_iq1_m.glsl"
#elif defined(W_MXFP4)
#include "load_mxfp4.glsl"
#elif defined(W_NVFP4)
#include "load_nvfp4.glsl"
#elif defined(W_TQ1_0)
#include "load_tq1_0.glsl"
#elif defined(W_TQ2_0)
#include "load_tq2_0.glsl"
#elif defined(W_Q1_0)
#include "load_q1_0.glsl"
#elif defined(W_Q2_0)
#include "load_q2_0.glsl"
#elif defined(W_NBITS)
#include "load_nbits.glsl"
#endif

// Unit u of a row on its own.
Weights8 load8(uint row, uint u) {
    const uint g = u / kGroupUnits;
    return load8(row, g, u % kGroupUnits, load_scale(row, g));
}
