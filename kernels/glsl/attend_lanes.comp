// attend_lanes.comp - attend for CPU devices: a lane owns every SG-th position and a running softmax of its own, so
// that lanes meet only once, at the end. Keys and values are read 64 bits at a time.
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#include "common.glsl"
#include "attend.glsl"
#include "attend_scores.glsl"

layout(constant_id = 18) const uint HEAD_DIM = 128;   // of queries and keys, a multiple of 4
layout(constant_id = 20) const uint VALUE_DIM = 128;  // of values and results, a multiple of 4
const float NONE = -3.0e38;

layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer U64In { uint64_t v[]; };

// Four elements from an index that is a multiple of four.
vec4 load4(CacheIn cache, uint i) {
#ifdef CACHE_F16
    const uvec2 bits = unpack32(U64In(cache).v[i / 4]);
    return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
#else
    return vec4(uintBitsToFloat(unpack32(U64In(cache).v[i / 2])), uintBitsToFloat(unpack32(U64In(cache).v[i / 2 + 1])));
#endif
}

void main() {
    const uint work = global_subgroup();
    if (work >= p.n_tok * p.n_head) return;
    const uint t = work / p.n_head, head = work % p.n_head;
    const uint kv_head = head * p.n_head_kv / p.n_head;
    const uint position = p.dynamic.pos + t;
    const uint first = first_position(position), ring0 = first % p.n_rows;

    vec4 q[HEAD_DIM / 4], sum[VALUE_DIM / 4];
    [[unroll]] for (uint i = 0; i < HEAD_DIM / 4; ++i) {
        const uint at = (work * HEAD_DIM + 4 * i) / 2;
        q[i] = query_scale(position) *
               vec4(uintBitsToFloat(unpack32(U64In(p.q).v[at])), uintBitsToFloat(unpack32(U64In(p.q).v[at + 1])));
    }
    [[unroll]] for (uint i = 0; i < VALUE_DIM / 4; ++i) sum[i] = vec4(0.0);
    float top = NONE, total = 0.0;
    for (uint j = first + gl_SubgroupInvocationID; j <= position; j += SG) {
        const uint row = ring_row(ring0, first, j) * p.n_head_kv + kv_head;
        float s = 0.0;
        [[unroll]] for (uint i = 0; i < HEAD_DIM / 4; ++i) s += dot(q[i], load4(p.k_cache, row * HEAD_DIM + 4 * i));
        s = capped(s, p.soft_cap);
        const float new_top = max(top, s);
        const float rescale = exp(top - new_top), weight = exp(s - new_top);
        total = total * rescale + weight;
        [[unroll]] for (uint i = 0; i < VALUE_DIM / 4; ++i) sum[i] =
            sum[i] * rescale + weight * load4(p.v_cache, row * VALUE_DIM + 4 * i);
        top = new_top;
    }
    // A lane without a position has total 0 and drops out: exp(-3e38 - top) is 0.
    const float sink = present(p.sinks) ? F32In(p.sinks).v[head] : NONE;
    const float all_top = max(sink, subgroupMax(top));
    const float scale = exp(top - all_top);
    const float norm = subgroupAdd(total * scale) + exp(sink - all_top);
    [[unroll]] for (uint i = 0; i < VALUE_DIM / 4; ++i) {
        const vec4 y = subgroupAdd(sum[i] * scale) / norm;
        if (gl_SubgroupInvocationID == 0) [[unroll]]
            for (uint d = 0; d < 4; ++d) p.y.v[work * VALUE_DIM + 4 * i + d] = y[d];
    }
}
