// product.glsl - the sides of a matrix product, for matmul and, with EXPERTS, for expert_matmul. A column is a row of
// y: an activation row, or a slot, whose expert says which weight rows it takes. Rows are those of the weight; where
// the product is gated they alternate between its halves, gate and up, so that SIDES rows in one hand are an element of
// y.
#ifdef EXPERTS
#include "expert_matmul.glsl"
const uint SIDES = 1;
uint n_columns() { return p.rows * p.n_used; }
uint n_rows() { return p.m; }  // of y, that this dispatch computes
uint expert_of(uint column) {
    return present(p.ids) ? min(uint(F32In(p.ids).v[column]), p.n_expert - 1) : column % p.n_used;
}
uint x_row(uint column) { return column / (p.n_used / p.n_x); }
// Row i of an expert in this piece of w; from w_rows on: in another piece.
uint w_row(uint expert, uint i) { return expert * p.m + i - p.w_row0; }
// Whether none of ROWS rows from i on, `step` apart, is in this piece.
bool elsewhere(uint expert, uint i, uint step) {
    bool here = false;
    [[unroll]] for (uint r = 0; r < ROWS; ++r) here = here || w_row(expert, i + r * step) < p.w_rows;
    return !here;
}
// The sum of row i; `up` is that of row i + SIDES - 1.
void store(uint expert, uint i, uint column, float sum, float up) {
    if (w_row(expert, i) >= p.w_rows) return;
    if (present(p.bias)) sum += F32In(p.bias).v[expert * p.m + i];
    p.y.v[column * p.m + i] = sum;
}
#else
// With NORMS a kernel does both: a matmul's operands and params are the first of a norm_matmul, its bias and residual
// where norm and stream stand.
#ifdef NORMS
#include "norm_matmul.glsl"
layout(constant_id = 25) const uint NORM_K = 0;  // of a norm_matmul k
#define p_m2 m2
#define p_m3 m3
uvec2 bias_address() { return NORM_K == 0 ? uvec2(p.norm) : uvec2(0); }
uvec2 residual_address() { return NORM_K == 0 ? p.stream : uvec2(0); }
#else
#include "matmul.glsl"
#define p_m2 p.m2
#define p_m3 p.m3
uvec2 bias_address() { return p.bias; }
uvec2 residual_address() { return p.residual; }
#endif
#include "activation.glsl"
const uint SIDES = gated_by != 0 ? 2 : 1;
uint n_columns() { return p.rows; }
uint n_rows() { return p.w_rows; }
uint expert_of(uint column) { return 0u; }
uint x_row(uint column) { return column; }
uint w_row(uint expert, uint i) { return SIDES == 1 ? i : i / 2 + i % 2 * (p.w_rows / 2); }
bool elsewhere(uint expert, uint i, uint step) { return false; }
void store(uint expert, uint i, uint column, float sum, float up) {
    uint at = (p.w_row0 + i) / SIDES, width = p.m;
    F32Out y = p.y;
    const uvec2 bias = bias_address(), residual = residual_address();
    if (SIDES == 2) {
        if (present(bias)) {
            sum += F32In(bias).v[at];
            up += F32In(bias).v[p.m + at];
        }
        y.v[column * p.m + at] = glu(sum, up, gated_by - 1, limit, up_shift);
        return;
    }
    if (present(bias)) sum += F32In(bias).v[at];
    if (at >= p.m) {  // of another product of the same activations
        at -= p.m;
        const bool third = at >= p_m2;
        y = F32Out(third ? p.y3 : p.y2);
        width = third ? p_m3 : p_m2;
        if (third) at -= p_m2;
    } else if (present(residual)) {
        sum += F32In(residual).v[column * p.m + at];
    }
    y.v[column * width + at] = sum;
}
#endif
