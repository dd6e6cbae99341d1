// layer_norm.comp - SPLITS subgroups share one group of n values; one subgroup alone needs no barrier.
#version 460
#include "common.glsl"
#include "layer_norm.glsl"

shared float partial[2 * SPLITS];

// The sum over all lanes of a group; part: which of the two sums of this kernel it is.
float group_sum(float x, uint part) {
    x = subgroupAdd(x);
    if (SPLITS == 1) return x;
    if (subgroupElect()) partial[part * SPLITS + gl_SubgroupID] = x;
    barrier();
    float sum = 0.0;
    for (uint s = 0; s < SPLITS; ++s) sum += partial[part * SPLITS + s];
    return sum;
}

void main() {
    const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint group = SPLITS > 1 ? row : row * gl_NumSubgroups + gl_SubgroupID;
    const uint lane = SPLITS > 1 ? gl_LocalInvocationID.x : gl_SubgroupInvocationID;
    const uint lanes = SPLITS > 1 ? gl_WorkGroupSize.x : SG;
    if (group >= p.rows * p.groups) return;  // the whole subgroup, and with SPLITS the whole workgroup

    const uint base = group * p.n;
    float sum = 0.0;
    for (uint i = lane; i < p.n; i += lanes) sum += p.x.v[base + i];
    const float mean = group_sum(sum, 0) / float(p.n);
    // Of the differences, in a second pass: mean(x^2) - mean^2 cancels for rows far from zero.
    sum = 0.0;
    for (uint i = lane; i < p.n; i += lanes) {
        const float d = p.x.v[base + i] - mean;
        sum += d * d;
    }
    const float scale = 1.0 / sqrt(group_sum(sum, 1) / float(p.n) + p.eps);
    for (uint i = lane; i < p.n; i += lanes) {
        float y = (p.x.v[base + i] - mean) * scale;
        if (present(p.w)) y *= F32In(p.w).v[i];
        if (present(p.bias)) y += F32In(p.bias).v[i];
        p.y.v[base + i] = y;
    }
}
