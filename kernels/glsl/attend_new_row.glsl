// attend_new_row.glsl - what makes attend.comp rope_attend: the new position is not read from the caches but made by
// every workgroup for itself, and joins where the subgroups combine; the first workgroup of a key-value head writes it.
#include "narrow.glsl"
#include "turned_head.glsl"

shared vec4 new_key[KEY4];  // as the cache has it
shared float new_score[GQA];

uint n_cached(uint position) { return position; }

void store_new_key(uint at, Pair pair, vec2 z) {
    p.k_cache.v[at + pair.a] = narrow(z.x);
    p.k_cache.v[at + pair.b] = narrow(z.y);
}

// Fills query, new_key and, for what comes after the next barrier, new_score.
void take_token(uint head0, uint kv_head, uint position) {
    const bool stores = head0 == kv_head * (p.n_head / p.n_head_kv);
    const uint row = position % p.n_rows * p.n_head_kv + kv_head;
    for (uint g = gl_SubgroupID; g <= GQA; g += SPLITS) {  // the last one is the key
        F32In x = p.q;
        uint base = (head0 + g) * HEAD_DIM;
        if (g == GQA) {
            x = p.k;
            base = kv_head * HEAD_DIM;
        }
        const float scale = head_scale(x, base);
        for (uint i = gl_SubgroupInvocationID; i < HEAD_DIM / 2; i += SG) {
            const Pair pair = pair_of(i, p.pairing, p.n_rot);
            const vec2 z = turned(x, base, g == GQA, scale, 0, i);
            if (g < GQA) {
                query[g * KEY4 + pair.a / 4][pair.a % 4] = p.scale * z.x;
                query[g * KEY4 + pair.b / 4][pair.b % 4] = p.scale * z.y;
            } else {
                new_key[pair.a / 4][pair.a % 4] = cached(z.x);
                new_key[pair.b / 4][pair.b % 4] = cached(z.y);
                if (stores) store_new_key(row * HEAD_DIM, pair, z);
            }
        }
    }
    if (stores)
        for (uint i = gl_LocalInvocationID.x; i < VALUE_DIM; i += gl_WorkGroupSize.x)
            p.v_cache.v[row * VALUE_DIM + i] = narrow(p.v.v[kv_head * VALUE_DIM + i]);
    barrier();
    for (uint g = gl_SubgroupID; g < GQA; g += SPLITS) {
        float s = 0.0;
        for (uint i = gl_SubgroupInvocationID; i < KEY4; i += SG) s += dot(query[g * KEY4 + i], new_key[i]);
        s = subgroupAdd(s);
        if (subgroupElect()) new_score[g] = capped(s, p.soft_cap);
    }
}

float score_apart(uint head, uint g) { return new_score[g]; }
vec4 value_apart(uint kv_head, uint i) {
    const vec4 v = F32x4In(p.v).v[kv_head * DIM4 + i];
    return vec4(cached(v.x), cached(v.y), cached(v.z), cached(v.w));
}
