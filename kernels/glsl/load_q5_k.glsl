// load_q5_k.glsl - blocks of 256 in groups of 32: w = d sc q - dmin m. Planes qs: as Q4_K, qh: 32 bytes a block (bit g
// of byte l: fifth bit of element l of group g), hd: see k_scales.glsl.
#include "k_scales.glsl"
#define Scale vec4  // scale and minimum of lo's group, then of hi's
WORDS(0)
WORDS(1)
WORDS(2)
const uint kHiOffset = 32;
const uint kGroupUnits = 8;
uint unit_k(uint u) { return (u / 8) * 64 + (u % 8) * 4; }
Scale load_scale(uint row, uint g) { return k_scale_pair(words4(2, row * (p_k / 256) + g / 4), 2 * (g % 4)); }
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = word_of_4(0, 2 * (row * (p_k / 64) + g) + j / 4, j % 4);
    const uint qh = word_of_4(1, 2 * (row * (p_k / 256) + g / 4) + j / 4, j % 4) >> (2 * (g % 4));
    const uint lo = (q & 0x0f0f0f0fu) | ((qh & 0x01010101u) << 4),
               hi = ((q >> 4) & 0x0f0f0f0fu) | ((qh & 0x02020202u) << 3);
    return Weights8(s.x * vec4(bytes(lo)) - s.y, s.z * vec4(bytes(hi)) - s.w);
}
