// expert_sum.comp - the weighted sum over the slots of a token, one invocation an element.
#version 460
#include "common.glsl"
#include "expert_sum.glsl"

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n) return;
    const uint first = i / p.n * p.n_used;
    float sum = present(p.residual) ? F32In(p.residual).v[i] : 0.0;
    for (uint slot = first; slot < first + p.n_used; ++slot) sum += p.weights.v[slot] * p.x.v[slot * p.n + i % p.n];
    p.y.v[i] = sum;
}
