// attend.comp - online softmax, a tile of SG positions at a time. A workgroup is for one token and GQA query heads that
// share a key-value head; its SPLITS subgroups share the positions and combine once at the end. A lane owns a position
// for the scores; for the sums it owns four dimensions of every SUBS-th position of the tile. With ROPE it computes
// rope_attend.
#version 460
#include "common.glsl"
#ifdef ROPE
#include "rope_attend.glsl"
#else
#include "attend.glsl"
#endif
#include "attend_scores.glsl"

layout(constant_id = 18) const uint HEAD_DIM = 128;  // of queries and keys, a multiple of 4
layout(constant_id = 19) const uint GQA = 1;
layout(constant_id = 20) const uint VALUE_DIM = 128;  // of values and results, a multiple of 4
const uint KEY4 = HEAD_DIM / 4, DIM4 = VALUE_DIM / 4;
const uint CHUNKS = (DIM4 + SG - 1) / SG;     // four-dimension pieces of a lane
const uint SUBS = DIM4 < SG ? SG / DIM4 : 1;  // positions of a tile that are summed side by side
const uint PARTS = SPLITS * SUBS;
const float NONE = -3.0e38;

shared vec4 query[GQA * KEY4];  // scaled
shared float part_top[GQA * SPLITS];
shared float part_total[GQA * SPLITS];
shared vec4 part_sum[PARTS * DIM4];  // of one head at a time

// How many positions the caches hold, the queries that all subgroups read, and one more position that is not in the
// caches: its score and four elements of its value.
#ifdef ROPE
#include "attend_new_row.glsl"
#else
uint n_cached(uint position) { return position + 1; }

void take_token(uint head0, uint kv_head, uint position) {
    for (uint i = gl_LocalInvocationID.x; i < GQA * KEY4; i += gl_WorkGroupSize.x)
        query[i] = query_scale(position) * F32x4In(p.q).v[head0 * KEY4 + i];
    barrier();
}

float score_apart(uint head, uint g) { return present(p.sinks) ? F32In(p.sinks).v[head] : NONE; }
vec4 value_apart(uint kv_head, uint i) { return vec4(0.0); }
#endif

// Four elements from an index that is a multiple of four.
vec4 load4(CacheIn cache, uint i) {
#ifdef CACHE_F16
    const uvec2 bits = U32x2In(cache).v[i / 4];
    return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
#else
    return F32x4In(cache).v[i / 4];
#endif
}

void main() {
    const uint work = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (work * GQA >= p.n_tok * p.n_head) return;  // the whole workgroup
    const uint head0 = work * GQA;                 // of all tokens
    const uint t = head0 / p.n_head;
    const uint kv_head = (head0 % p.n_head) * p.n_head_kv / p.n_head;
    const uint position = p.dynamic.pos + t;
    const uint n_kv = n_cached(position), last = n_kv - 1;
    const uint first = first_position(position), ring0 = first % p.n_rows;
    const uint lane = gl_SubgroupInvocationID, split = gl_SubgroupID;
    const uint sub = lane / DIM4, dim = lane % DIM4;  // for the sums, where DIM4 < SG
    const bool sums = SUBS == 1 || sub < SUBS;

    take_token(head0, kv_head, position);

    float top[GQA], total[GQA];
    vec4 sum[GQA * CHUNKS];
    [[unroll]] for (uint g = 0; g < GQA; ++g) {
        top[g] = NONE;
        total[g] = 0.0;
        [[unroll]] for (uint c = 0; c < CHUNKS; ++c) sum[g * CHUNKS + c] = vec4(0.0);
    }

    for (uint tile = first + split * SG; tile < n_kv; tile += SPLITS * SG) {
        const uint j = tile + lane;
        const bool valid = j < n_kv;
        const uint row = (ring_row(ring0, first, min(j, last)) * p.n_head_kv + kv_head) * HEAD_DIM;
        float s[GQA], weight[GQA];
        [[unroll]] for (uint g = 0; g < GQA; ++g) s[g] = 0.0;
        [[unroll]] for (uint i = 0; i < KEY4; ++i) {
            const vec4 k = load4(CacheIn(p.k_cache), row + 4 * i);
            [[unroll]] for (uint g = 0; g < GQA; ++g) s[g] += dot(query[g * KEY4 + i], k);
        }
        [[unroll]] for (uint g = 0; g < GQA; ++g) {
            s[g] = capped(s[g], p.soft_cap);
            const float new_top = max(top[g], subgroupMax(valid ? s[g] : NONE));
            const float rescale = exp(top[g] - new_top);
            weight[g] = valid ? exp(s[g] - new_top) : 0.0;
            total[g] = total[g] * rescale + subgroupAdd(weight[g]);
            [[unroll]] for (uint c = 0; c < CHUNKS; ++c) sum[g * CHUNKS + c] *= rescale;
            top[g] = new_top;
        }
        // Positions behind the end have weight 0 and are read at the last row.
        [[unroll]] for (uint step = 0; step < SG; step += SUBS) {
            const uint other = min(step + sub, SG - 1);
            const bool mine = sums && step + sub < SG;
            const uint v_row = (ring_row(ring0, first, min(tile + other, last)) * p.n_head_kv + kv_head) * VALUE_DIM;
            float w[GQA];
            [[unroll]] for (uint g = 0; g < GQA; ++g) w[g] = subgroupShuffle(weight[g], other);
            [[unroll]] for (uint c = 0; c < CHUNKS; ++c) {
                const uint d = SUBS > 1 ? dim : c * SG + lane;
                if (!mine || d >= DIM4) continue;
                const vec4 v = load4(CacheIn(p.v_cache), v_row + 4 * d);
                [[unroll]] for (uint g = 0; g < GQA; ++g) sum[g * CHUNKS + c] += w[g] * v;
            }
        }
    }

    [[unroll]] for (uint g = 0; g < GQA; ++g) {
        if (subgroupElect()) {
            part_top[g * SPLITS + split] = top[g];
            part_total[g * SPLITS + split] = total[g];
        }
    }
    [[unroll]] for (uint g = 0; g < GQA; ++g) {
        barrier();  // the sums of the head before have been read; tops and totals are written
        [[unroll]] for (uint c = 0; c < CHUNKS; ++c) {
            const uint d = SUBS > 1 ? dim : c * SG + lane;
            if (sums && d < DIM4) part_sum[(split * SUBS + (SUBS > 1 ? sub : 0)) * DIM4 + d] = sum[g * CHUNKS + c];
        }
        barrier();
        const float apart = score_apart(head0 % p.n_head + g, g);
        float all_top = apart;
        for (uint s = 0; s < SPLITS; ++s) all_top = max(all_top, part_top[g * SPLITS + s]);
        const float weight_apart = exp(apart - all_top);
        float norm = weight_apart;
        for (uint s = 0; s < SPLITS; ++s) norm += exp(part_top[g * SPLITS + s] - all_top) * part_total[g * SPLITS + s];
        for (uint i = gl_LocalInvocationID.x; i < DIM4; i += gl_WorkGroupSize.x) {
            vec4 y = weight_apart * value_apart(kv_head, i);
            for (uint part = 0; part < PARTS; ++part)
                y += exp(part_top[g * SPLITS + part / SUBS] - all_top) * part_sum[part * DIM4 + i];
            F32x4Out(p.y).v[(head0 + g) * DIM4 + i] = y / norm;
        }
    }
}
