// load_bf16.glsl - BF16 rows: the upper half of a float. Plane w: uint16 [rows][k].
#define Scale uint  // none
const uint kHiOffset = 4;
const uint kGroupUnits = 1;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) { return 0u; }
Weights8 load8(uint row, uint u, Scale s) {
    const uint i = row * p_k + 8 * u;
    if (aligned_k()) {
        const uvec4 bits = load_u32x4(p.w0, i / 8);
        return Weights8(uintBitsToFloat(uvec4(bits.x << 16, bits.x & 0xffff0000u, bits.y << 16, bits.y & 0xffff0000u)),
                        uintBitsToFloat(uvec4(bits.z << 16, bits.z & 0xffff0000u, bits.w << 16, bits.w & 0xffff0000u)));
    }
    U16In plane = U16In(p.w0);
    Weights8 w;
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? uintBitsToFloat(uint(plane.v[i + j]) << 16) : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? uintBitsToFloat(uint(plane.v[i + 4 + j]) << 16) : 0.0;
    }
    return w;
}
