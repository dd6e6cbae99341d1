// load_bf16.glsl - BF16 rows: the upper half of a float. Plane w: uint16 [rows][k].
#define Scale uint  // none
WORDS(0)
const uint kHiOffset = 4;
const uint kGroupUnits = 1;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) { return 0u; }
float one_weight(uint row, uint k) {
    const uint i = row * p_k + k;
    return k < p_k ? uintBitsToFloat(uint(U16In(p.w0).v[i]) << 16) : 0.0;
}
Weights8 load8(uint row, uint g, uint j, Scale s) {
    if (aligned_k()) {
        const uint unit = row * (p_k / 8) + g;
        const uvec4 bits = words4(0, unit);
        return Weights8(uintBitsToFloat(uvec4(bits.x << 16, bits.x & 0xffff0000u, bits.y << 16, bits.y & 0xffff0000u)),
                        uintBitsToFloat(uvec4(bits.z << 16, bits.z & 0xffff0000u, bits.w << 16, bits.w & 0xffff0000u)));
    }
    Weights8 w;
    [[unroll]] for (uint e = 0; e < 4; ++e) {
        w.lo[e] = one_weight(row, 8 * g + e);
        w.hi[e] = one_weight(row, 8 * g + 4 + e);
    }
    return w;
}
