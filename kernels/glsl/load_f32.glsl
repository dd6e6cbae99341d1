// load_f32.glsl - F32 rows. Plane w: float [rows][k].
#define Scale uint  // none
const uint kHiOffset = 4;
const uint kGroupUnits = 1;
uint unit_k(uint u) { return 8 * u; }
Scale load_scale(uint row, uint g) { return 0u; }
Weights8 load8(uint row, uint u, Scale s) {
    const uint i = row * p_k + 8 * u;
    if (aligned_k()) {
        return Weights8(uintBitsToFloat(load_u32x4(p.w0, i / 4)), uintBitsToFloat(load_u32x4(p.w0, i / 4 + 1)));
    }
    F32In plane = F32In(p.w0);
    Weights8 w;
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? plane.v[i + j] : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? plane.v[i + 4 + j] : 0.0;
    }
    return w;
}
