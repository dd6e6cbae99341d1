// load_iq4_nl.glsl - blocks of 32: w = d * value[q]. Planes as Q4_0.
WORDS(0)
HALVES(1)
#define Scale float
const uint kHiOffset = 16;
const uint kGroupUnits = 4;
uint unit_k(uint u) { return (u / 4) * 32 + (u % 4) * 4; }
Scale load_scale(uint row, uint g) { return half_at(1, row * (p_k / 32) + g); }
Weights8 load8(uint row, uint g, uint j, Scale s) {
    const uint q = word_of_4(0, row * (p_k / 32) + g, j);
    return Weights8(s * iq4_values(bytes(q & 0x0f0f0f0fu)), s * iq4_values(bytes((q >> 4) & 0x0f0f0f0fu)));
}
