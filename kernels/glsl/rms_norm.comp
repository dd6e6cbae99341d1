// rms_norm.comp - SPLITS subgroups share one group of n values; one subgroup alone needs no barrier.
#version 460
#include "common.glsl"
#include "rms_norm.glsl"

shared float partial[SPLITS];

void main() {
    const uint row = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    const uint group = SPLITS > 1 ? row : row * gl_NumSubgroups + gl_SubgroupID;
    const uint lane = SPLITS > 1 ? gl_LocalInvocationID.x : gl_SubgroupInvocationID;
    const uint lanes = SPLITS > 1 ? gl_WorkGroupSize.x : SG;
    if (group >= p.rows * p.groups) return;  // the whole subgroup, and with SPLITS the whole workgroup

    const uint base = group * p.n;
    float sum = 0.0;
    for (uint i = lane; i < p.n; i += lanes) sum += p.x.v[base + i] * p.x.v[base + i];
    sum = subgroupAdd(sum);
    if (SPLITS > 1) {
        if (subgroupElect()) partial[gl_SubgroupID] = sum;
        barrier();
        sum = 0.0;
        for (uint s = 0; s < SPLITS; ++s) sum += partial[s];
    }
    // eps inside the root, as the contract says: outside it a row of 1e-3 changes by 41 %.
    const float scale = 1.0 / sqrt(sum / float(p.n) + p.eps);
    for (uint i = lane; i < p.n; i += lanes) {
        const float y = p.x.v[base + i] * scale;
        p.y.v[base + i] = present(p.w) ? F32In(p.w).v[i] * y : y;
    }
}
