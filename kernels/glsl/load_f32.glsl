// load_f32.glsl - F32 rows. Plane w: float [rows][k].
const uint kHiOffset = 4;
uint unit_k(uint u) { return 8 * u; }
Weights8 load8(uint row, uint u) {
    const uint i = row * p_k + 8 * u;
    Weights8 w;
    if ((p_k & 7u) == 0u) {
        F32x4In plane = F32x4In(p.w0);
        w.lo = plane.v[i / 4];
        w.hi = plane.v[i / 4 + 1];
        return w;
    }
    F32In plane = F32In(p.w0);
    [[unroll]] for (uint j = 0; j < 4; ++j) {
        w.lo[j] = 8 * u + j < p_k ? plane.v[i + j] : 0.0;
        w.hi[j] = 8 * u + 4 + j < p_k ? plane.v[i + 4 + j] : 0.0;
    }
    return w;
}
