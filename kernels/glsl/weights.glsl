// weights.glsl - the one door to weights: load8(row, u) gives eight weights of a row, whatever the format.
// Of unit u (0 .. ceil(k / 8) - 1), lo are elements unit_k(u) .. + 3 and hi those kHiOffset behind. Define p_k (elements a row)
// and W_<FORMAT> before including this.
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
