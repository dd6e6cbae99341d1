// load_q4_k.glsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: 128 bytes a block (32 bytes: one group in the
// low nibbles, the next in the high ones), hd: see k_scales.glsl.
#include "k_scales.glsl"
#define Scale vec4  // scale and minimum of lo's group, then of hi's
const uint kHiOffset = 32;
const uint kGroupUnits = 8;
uint unit_k(uint u) { return (u / 8) * 64 + (u % 8) * 4; }
Scale load_scale(uint row, uint g) { return k_scale_pair(load_u32x4(p.w1, row * (p_k / 256) + g / 4), 2 * (g % 4)); }
Weights8 load8(uint row, uint u, Scale s) {
    const uint q = U32In(p.w0).v[row * (p_k / 8) + u];
    return Weights8(s.x * vec4(bytes(q & 0x0f0f0f0fu)) - s.y, s.z * vec4(bytes((q >> 4) & 0x0f0f0f0fu)) - s.w);
}
