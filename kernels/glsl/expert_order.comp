// expert_order.comp - a subgroup an expert: counts the slots of lower experts, then appends its own. No atomics, so the
// order is the same every time.
#version 460
#include "common.glsl"
#include "expert_order.glsl"

void main() {
    const uint e = global_subgroup(), lane = gl_SubgroupInvocationID;
    if (e >= p.n_expert) return;
    const uint n_slots = p.n_tok * p.n_used;
    const float id = float(e);
    uint at = 0u;
    for (uint slot = lane; slot < n_slots; slot += SG) at += p.ids.v[slot] < id ? 1u : 0u;
    at = subgroupAdd(at);
    for (uint first = 0; first < n_slots; first += SG) {
        const uint slot = first + lane;
        const uint mine = slot < n_slots && p.ids.v[min(slot, n_slots - 1)] == id ? 1u : 0u;
        const uint before = subgroupExclusiveAdd(mine);
        if (mine != 0u) p.order.v[at + before] = float(slot);
        at += subgroupAdd(mine);
    }
}
