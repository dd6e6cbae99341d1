// matrows.comp - matrix products for CPU devices: a lane owns ROWS weight rows, read as texels; the activation rows of
// NCOLS columns (one, with EXPERTS) come through a uniform window. There a uniform load is one instruction and a texel
// a few, while a load by address is a loop over the lanes. k must be a multiple of 8 and the activation rows must fit
// the window. No shared memory, no barrier, no subgroup operation.
#version 460
#define TEXELS
#define ALIGNED_K
#include "common.glsl"
#include "product.glsl"
#define p_k p.k
#include "weights.glsl"

layout(set = 0, binding = 0, std140) uniform Window { vec4 x[4096]; };

// sum += unit j of group g of every row, times its activations.
#define UNIT                                                                                                      \
    {                                                                                                             \
        const uint at = unit_k(g * kGroupUnits + j) / 4;                                                          \
        Weights8 w[ROWS];                                                                                         \
        [[unroll]] for (uint r = 0; r < ROWS; ++r) w[r] = load8(row[r], g, j, scale[r]);                          \
        [[unroll]] for (uint c = 0; c < NCOLS; ++c) {                                                             \
            const vec4 lo = x[base[c] + at], hi = x[base[c] + at + kHiOffset / 4];                                \
            [[unroll]] for (uint r = 0; r < ROWS; ++r) sum[r * NCOLS + c] += dot(w[r].lo, lo) + dot(w[r].hi, hi); \
        }                                                                                                         \
    }

// Row r of a lane whose first is `first`: lanes side by side have rows side by side.
uint row_at(uint first, uint r) { return first + r / SIDES * gl_WorkGroupSize.x * SIDES + r % SIDES; }

void main() {
    const uint column0 = gl_WorkGroupID.z * NCOLS;
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint first = group * gl_WorkGroupSize.x * ROWS + gl_LocalInvocationID.x * SIDES;
    const uint expert = expert_of(column0);
    if (elsewhere(expert, first, gl_WorkGroupSize.x)) return;
    uint row[ROWS];
    [[unroll]] for (uint r = 0; r < ROWS; ++r) row[r] = min(w_row(expert, row_at(first, r)), p.w_rows - 1);
    uint base[NCOLS];
    [[unroll]] for (uint c = 0; c < NCOLS; ++c) base[c] = x_row(min(column0 + c, n_columns() - 1)) * (p.k / 4);

    float sum[ROWS * NCOLS];
    [[unroll]] for (uint i = 0; i < ROWS * NCOLS; ++i) sum[i] = 0.0;
    const uint groups = p.k / (8 * kGroupUnits);
    for (uint g = 0; g < groups; ++g) {
        Scale scale[ROWS];
        [[unroll]] for (uint r = 0; r < ROWS; ++r) scale[r] = load_scale(row[r], g);
        if (NCOLS == 1) {
            [[unroll]] for (uint j = 0; j < kGroupUnits; ++j) UNIT
        } else {  // a tile is long enough: unrolling it further would only make drivers slow to compile it
            [[dont_unroll]] for (uint j = 0; j < kGroupUnits; ++j) UNIT
        }
    }
    [[unroll]] for (uint r = 0; r < ROWS; r += SIDES)
        [[unroll]] for (uint c = 0; c < NCOLS; ++c) if (row_at(first, r) < n_rows() && column0 + c < n_columns())
            store(expert, row_at(first, r), column0 + c, sum[r * NCOLS + c], sum[(r + SIDES - 1) * NCOLS + c]);
}
