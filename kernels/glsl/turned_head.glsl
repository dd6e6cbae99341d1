// turned_head.glsl - a head of queries or keys as rope_store and rope_attend turn it: normalised where there is a
// qk_norm, then by pairs.
#include "rotate.glsl"

// 1 over the root mean square of the head at `base`: of its subgroup's lanes together. 1 without a norm.
float head_scale(F32In x, uint base) {
    if (!present(p.qk_norm)) return 1.0;
    float squares = 0.0;
    for (uint i = gl_SubgroupInvocationID; i < p.head_dim; i += SG) squares += x.v[base + i] * x.v[base + i];
    return 1.0 / sqrt(subgroupAdd(squares) / float(p.head_dim) + p.eps);
}

// Pair i of token t's head at `base`, which has this scale.
vec2 turned(F32In x, uint base, bool is_key, float scale, uint t, uint i) {
    const Pair pair = pair_of(i, p.pairing, p.n_rot);
    const uint w = is_key ? p.head_dim : 0, angle = t * p.n_rot + 2 * i;
    vec2 z = vec2(x.v[base + pair.a], x.v[base + pair.b]) * scale;
    if (present(p.qk_norm)) z *= vec2(F32In(p.qk_norm).v[w + pair.a], F32In(p.qk_norm).v[w + pair.b]);
    return pair.turned ? rotate(z, vec2(p.table.v[angle], p.table.v[angle + 1])) : z;
}
