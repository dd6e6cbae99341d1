// add_rms_norm.comp - SPLITS subgroups share one row; one subgroup alone needs no barrier.
#version 460
#include "common.glsl"
#include "add_rms_norm.glsl"

shared float partial[2 * SPLITS];  // of x, of y

// Of all lanes of the row.
float row_sum(float mine, uint which) {
    float sum = subgroupAdd(mine);
    if (SPLITS == 1) return sum;
    if (subgroupElect()) partial[which * SPLITS + gl_SubgroupID] = sum;
    barrier();
    sum = 0.0;
    for (uint s = 0; s < SPLITS; ++s) sum += partial[which * SPLITS + s];
    return sum;
}

float added(uint base, uint i, float x_scale) {
    const float z = p.x.v[base + i] * x_scale;
    return p.residual.v[base + i] + p.scale * (present(p.x_w) ? F32In(p.x_w).v[i] * z : z);
}

void main() {
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint row = SPLITS > 1 ? group : group * gl_NumSubgroups + gl_SubgroupID;
    const uint lane = SPLITS > 1 ? gl_LocalInvocationID.x : gl_SubgroupInvocationID;
    const uint lanes = SPLITS > 1 ? gl_WorkGroupSize.x : SG;
    if (row >= p.rows) return;  // the whole subgroup, and with SPLITS the whole workgroup

    const uint base = row * p.n;
    float x_scale = 1.0, squares = 0.0;
    if (present(p.x_w)) {
        for (uint i = lane; i < p.n; i += lanes) squares += p.x.v[base + i] * p.x.v[base + i];
        x_scale = 1.0 / sqrt(row_sum(squares, 0) / float(p.n) + p.eps);
    }
    squares = 0.0;
    for (uint i = lane; i < p.n; i += lanes) {
        const float y = added(base, i, x_scale);
        p.y.v[base + i] = y;
        squares += y * y;
    }
    if (!present(p.y2)) return;
    const float scale = 1.0 / sqrt(row_sum(squares, 1) / float(p.n) + p.eps);
    for (uint i = lane; i < p.n; i += lanes) {
        const float z = added(base, i, x_scale) * scale;  // again: y can only be written
        F32Out(p.y2).v[base + i] = present(p.w) ? F32In(p.w).v[i] * z : z;
    }
}
