// load_tq2_0.glsl - blocks of 256: w = d (q - 1). Planes qs: see two_bits.glsl, d: half.
#include "two_bits.glsl"
#define Scale float
HALVES(1)
Scale load_scale(uint row, uint g) { return half_at(1, two_bits_at(row, g).block); }
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = two_bits(two_bits_at(row, g), j);
    return Weights8(s * (vec4(bytes(q & 0x03030303u)) - 1.0), s * (vec4(bytes((q >> 2) & 0x03030303u)) - 1.0));
}
