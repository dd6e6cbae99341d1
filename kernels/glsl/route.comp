// route.comp - the experts of a token and their weights: a subgroup a token, its lanes share the experts. Each round
// takes the first expert behind the last one in the order (key down, id up), so rounds keep nothing but that one.
#version 460
#include "common.glsl"
#include "route.glsl"

const uint kMostUsed = 64, kMostGroups = 32;  // limits of docs/models.md; a subgroup has 4 lanes or more
const uint kNobody = 0xffffffffu;
#define INFINITY uintBitsToFloat(0x7f800000u)

struct Choice {
    float key;
    uint id;
};

uint base;         // of the token's logits
float top, total;  // largest logit, sum of exp(logit - top)

float score(uint e) {
    const float x = p.logits.v[base + e];
    return p.scoring == 0 ? exp(x - top) / total : 1.0 / (1.0 + exp(-x));
}

// Scores rise with logits, so these give the same order where nothing is added to scores.
float key(uint e) {
    if (!present(p.bias) && p.group_top < 2) return p.logits.v[base + e];
    return score(e) + (present(p.bias) ? F32In(p.bias).v[e] : 0.0);
}

// The first one behind `last` among the experts [begin, end) of the groups in the mask.
Choice next(uint begin, uint end, uint groups, Choice last) {
    Choice best = Choice(-INFINITY, kNobody);
    for (uint e = begin + gl_SubgroupInvocationID; e < end; e += SG) {
        if (((groups >> (e / (p.n_expert / p.n_group))) & 1u) == 0u) continue;
        const float k = key(e);
        const bool behind = k < last.key || (k == last.key && e > last.id);
        if (behind && (k > best.key || best.id == kNobody)) best = Choice(k, e);
    }
    const float k = subgroupMax(best.key);
    return Choice(k, subgroupMin(best.key == k ? best.id : kNobody));
}

// Bits of the groups that may be chosen from.
uint chosen_groups() {
    if (p.n_group == 1) return 1u;
    const uint size = p.n_expert / p.n_group;
    float sums[kMostGroups];
    for (uint g = 0; g < p.n_group; ++g) {
        sums[g] = 0.0;
        Choice last = Choice(INFINITY, 0u);
        for (uint j = 0; j < p.group_top; ++j) {
            last = next(g * size, (g + 1) * size, 0xffffffffu, last);
            sums[g] += last.key;
        }
    }
    uint groups = 0u;
    for (uint g = 0; g < p.n_group; ++g) {
        uint better = 0u;
        for (uint h = 0; h < p.n_group; ++h) better += sums[h] > sums[g] || (sums[h] == sums[g] && h < g) ? 1u : 0u;
        if (better < p.n_group_used) groups |= 1u << g;
    }
    return groups;
}

void main() {
    const uint t = global_subgroup(), lane = gl_SubgroupInvocationID;
    if (t >= p.n_tok) return;
    base = t * p.n_expert;
    top = -INFINITY;
    total = 0.0;
    if (p.scoring == 0) {
        for (uint e = lane; e < p.n_expert; e += SG) top = max(top, p.logits.v[base + e]);
        top = subgroupMax(top);
        for (uint e = lane; e < p.n_expert; e += SG) total += exp(p.logits.v[base + e] - top);
        total = subgroupAdd(total);
    }
    const uint groups = chosen_groups();
    Choice last = Choice(INFINITY, 0u);
    float chosen = 0.0, mine[kMostUsed / 4];
    for (uint j = 0; j < p.n_used; ++j) {
        last = next(0u, p.n_expert, groups, last);
        const uint id = min(last.id, p.n_expert - 1);  // NaN has no order; ids stay valid
        const float s = score(id);
        chosen += s;
        if (j % SG != lane) continue;
        mine[j / SG] = s;
        p.ids.v[t * p.n_used + j] = float(id);
    }
    const float scale = p.normalised != 0u ? p.scale / chosen : p.scale;
    for (uint j = lane; j < p.n_used; j += SG) p.weights.v[t * p.n_used + j] = scale * mine[j / SG];
}
