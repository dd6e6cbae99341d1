// load_f16.glsl - F16 rows. Plane w: half [rows][k].
const uint kHiOffset = 4;
uint unit_k(uint u) { return 8 * u; }
Weights8 load8(uint row, uint u) {
    const uint i = row * p_k + 8 * u;
    Weights8 w;
    if ((p_k & 7u) == 0u) {
        const uvec4 bits = U32x4In(p.w0).v[i / 8];
        w.lo = vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
        w.hi = vec4(unpackHalf2x16(bits.z), unpackHalf2x16(bits.w));
        return w;
    }
    F16In plane = F16In(p.w0);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? float(plane.v[i + j]) : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? float(plane.v[i + 4 + j]) : 0.0;
    }
    return w;
}
