// load_q4_k.glsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: 128 bytes a block (32 bytes: one group in the
// low nibbles, the next in the high ones), hd: see k_scales.glsl.
#include "k_scales.glsl"
const uint kHiOffset = 32;
uint unit_k(uint u) { return (u / 8) * 64 + (u % 8) * 4; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uint q = U32In(p.w0).v[unit];
    const uvec4 hd = U32x4In(p.w1).v[unit / 32];
    const uint group = 2 * ((u % 32) / 8);
    const vec2 a = k_scale(hd, group), b = k_scale(hd, group + 1);
    return Weights8(a.x * vec4(bytes(q & 0x0f0f0f0fu)) - a.y, b.x * vec4(bytes((q >> 4) & 0x0f0f0f0fu)) - b.y);
}
