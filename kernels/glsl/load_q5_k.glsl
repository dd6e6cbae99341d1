// load_q5_k.glsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: as Q4_K, qh: 32 bytes a block (bit g of byte
// l: fifth bit of element l of group g), hd: see k_scales.glsl.
#include "k_scales.glsl"
const uint kHiOffset = 32;
uint unit_k(uint u) { return (u / 8) * 64 + (u % 8) * 4; }
Weights8 load8(uint row, uint u) {
    const uint unit = row * (p_k / 8) + u;
    const uint q = U32In(p.w0).v[unit];
    const uint group = 2 * ((u % 32) / 8);
    const uint qh = U32In(p.w1).v[(unit / 32) * 8 + u % 8] >> group;
    const uvec4 hd = U32x4In(p.w2).v[unit / 32];
    const vec2 a = k_scale(hd, group), b = k_scale(hd, group + 1);
    const uint lo = (q & 0x0f0f0f0fu) | ((qh & 0x01010101u) << 4), hi = ((q >> 4) & 0x0f0f0f0fu) | ((qh & 0x02020202u) << 3);
    return Weights8(a.x * vec4(bytes(lo)) - a.y, b.x * vec4(bytes(hi)) - b.y);
}
