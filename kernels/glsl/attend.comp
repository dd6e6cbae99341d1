// attend.comp - online softmax, one tile of SG positions at a time: a lane owns a position for the scores, then a stripe of
// dimensions for the sum. SPLITS subgroups share the positions of one (token, head) and combine once through shared memory.
#version 460
#include "common.glsl"
#include "attend.glsl"

layout(constant_id = 18) const uint HEAD_DIM = 128;
const uint kStripe = (HEAD_DIM + SG - 1) / SG;  // dimensions a lane sums

shared float split_top[SPLITS];
shared float split_total[SPLITS];
shared float split_sum[SPLITS * HEAD_DIM];

// q . k for one position: a lane reads its own row.
float score(uint q_base, uint k_base) {
    float s = 0.0;
    [[unroll]] for (uint i = 0; i < HEAD_DIM; i += 4) {
        const vec4 q = vec4(p.q.v[q_base + i], p.q.v[q_base + i + 1], p.q.v[q_base + i + 2], p.q.v[q_base + i + 3]);
        const vec4 k = vec4(p.k_cache.v[k_base + i], p.k_cache.v[k_base + i + 1], p.k_cache.v[k_base + i + 2],
                            p.k_cache.v[k_base + i + 3]);
        s += dot(q, k);
    }
    return s * p.scale;
}

void main() {
    const uint work = SPLITS > 1 ? gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x : global_subgroup();
    const uint split = SPLITS > 1 ? gl_SubgroupID : 0;
    if (work >= p.n_tok * p.n_head) return;
    const uint t = work / p.n_head, head = work % p.n_head;
    const uint kv_head = head * p.n_head_kv / p.n_head;
    const uint n_kv = p.dynamic.pos + t + 1;
    const uint kv_width = p.n_head_kv * HEAD_DIM;
    const uint q_base = work * HEAD_DIM;
    const uint lane = gl_SubgroupInvocationID;

    float top = -3.0e38, total = 0.0;
    float sum[kStripe];
    [[unroll]] for (uint d = 0; d < kStripe; ++d) sum[d] = 0.0;

    for (uint tile = split * SG; tile < n_kv; tile += SPLITS * SG) {
        const uint j = tile + lane;
        const bool valid = j < n_kv;
        const uint row = (valid ? j : n_kv - 1) * kv_width + kv_head * HEAD_DIM;
        const float s = valid ? score(q_base, row) : -3.0e38;
        const float new_top = max(top, subgroupMax(s));
        const float rescale = exp(top - new_top);
        const float weight = valid ? exp(s - new_top) : 0.0;
        total = total * rescale + subgroupAdd(weight);
        [[unroll]] for (uint d = 0; d < kStripe; ++d) sum[d] *= rescale;
        const uint n = min(SG, n_kv - tile);
        for (uint other = 0; other < n; ++other) {
            const float w = subgroupShuffle(weight, other);
            const uint v_base = (tile + other) * kv_width + kv_head * HEAD_DIM + lane;
            [[unroll]] for (uint d = 0; d < kStripe; ++d)
                if (d * SG + lane < HEAD_DIM) sum[d] += w * float(p.v_cache.v[v_base + d * SG]);
        }
        top = new_top;
    }

    if (SPLITS > 1) {
        if (subgroupElect()) {
            split_top[split] = top;
            split_total[split] = total;
        }
        [[unroll]] for (uint d = 0; d < kStripe; ++d)
            if (d * SG + lane < HEAD_DIM) split_sum[split * HEAD_DIM + d * SG + lane] = sum[d];
        barrier();
        for (uint i = gl_LocalInvocationID.x; i < HEAD_DIM; i += gl_WorkGroupSize.x) {
            float all_top = -3.0e38;
            for (uint s = 0; s < SPLITS; ++s) all_top = max(all_top, split_top[s]);
            float value = 0.0, norm = 0.0;
            for (uint s = 0; s < SPLITS; ++s) {
                const float scale = exp(split_top[s] - all_top);
                value += scale * split_sum[s * HEAD_DIM + i];
                norm += scale * split_total[s];
            }
            p.y.v[q_base + i] = value / norm;
        }
    } else {
        [[unroll]] for (uint d = 0; d < kStripe; ++d)
            if (d * SG + lane < HEAD_DIM) p.y.v[q_base + d * SG + lane] = sum[d] / total;
    }
}
