// load_f16.glsl - F16 rows. Plane w: half [rows][k].
#define Scale uint  // none
const uint kHiOffset = 4;
const uint kGroupUnits = 1;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) { return 0u; }
Weights8 load8(uint row, uint u, Scale s) {
    const uint i = row * p_k + 8 * u;
    if (aligned_k()) {
        const uvec4 bits = load_u32x4(p.w0, i / 8);
        return Weights8(vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y)), vec4(unpackHalf2x16(bits.z), unpackHalf2x16(bits.w)));
    }
    F16In plane = F16In(p.w0);
    Weights8 w;
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? float(plane.v[i + j]) : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? float(plane.v[i + 4 + j]) : 0.0;
    }
    return w;
}
