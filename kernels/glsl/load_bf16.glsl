// load_bf16.glsl - BF16 rows: the upper half of a float. Plane w: uint16 [rows][k].
const uint kHiOffset = 4;
uint unit_k(uint u) { return 8 * u; }
Weights8 load8(uint row, uint u) {
    const uint i = row * p_k + 8 * u;
    Weights8 w;
    if ((p_k & 7u) == 0u) {
        const uvec4 bits = U32x4In(p.w0).v[i / 8];
        w.lo = uintBitsToFloat(uvec4(bits.x << 16, bits.x & 0xffff0000u, bits.y << 16, bits.y & 0xffff0000u));
        w.hi = uintBitsToFloat(uvec4(bits.z << 16, bits.z & 0xffff0000u, bits.w << 16, bits.w & 0xffff0000u));
        return w;
    }
    U16In plane = U16In(p.w0);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? uintBitsToFloat(uint(plane.v[i + j]) << 16) : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? uintBitsToFloat(uint(plane.v[i + 4 + j]) << 16) : 0.0;
    }
    return w;
}
