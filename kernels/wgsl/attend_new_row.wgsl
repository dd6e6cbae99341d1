// attend_new_row.wgsl - what rope_attend has of the new position: each owner makes its row for itself, as the caches
// hold it, and that of a key-value head's first query writes it there.
#include "turned_heads.wgsl"
#include "narrow.wgsl"
const kNew = 0u;
override n_k: u32 = n_head_kv * head_dim;
override n_v: u32 = n_head_kv * value_dim;
var<private> stores: bool;
#repeat c k,v
// Elements i and i + 1 of the row.
fn keep_$c(i: u32, x: vec2f) -> vec2f {
    let at = batch.pos % batch.n_rows * n_$c + i;
#if CACHE_F16
    let word = narrow(x.x) | (narrow(x.y) << 16u);
    if (stores) { ${c}_cache[at / 4u][at / 2u % 2u] = word; }
    return unpack2x16float(word);
#else
    if (stores) {
        ${c}_cache[at / 4u][at % 4u] = x.x;
        ${c}_cache[at / 4u][at % 4u + 1u] = x.y;
    }
    return x;
#endif
}
#endrepeat

fn take_token(owner: u32, kv_head: u32, position: u32, lane: u32) -> f32 {
    let q0 = owner * head_dim;
    let k0 = kv_head * head_dim;
    stores = owner % (n_head / n_head_kv) == 0u;
#if qk_norm
    var squares = vec4f();
    for (var d = lane; d < head_dim; d += LANES) {
        let x = vec2f(q[q0 + d], k[k0 + d]);
        squares += vec4f(x * x, 0.0, 0.0);
    }
    head_scale = 1.0 / sqrt(lane_sum4(squares, lane).xy / f32(head_dim) + eps);
#endif
    var score = 0.0;
    for (var first = 0u; first < kKey4; first += LANES) {
        var mine = vec4f();
        for (var e = 0u; e < 4u; e += 2u) {
            let d = 4u * (first + lane) + e;
            if (d >= head_dim) { break; }
            let x = scale * vec2f(turned_q(q0, d, 0u), turned_q(q0, d + 1u, 0u));
            score += dot(x, keep_k(k0 + d, vec2f(turned_k(k0, d, 0u), turned_k(k0, d + 1u, 0u))));
            mine[e] = x.x;
            mine[e + 1u] = x.y;
        }
        if (first + lane < kKey4) { query[first + lane] = mine; }
    }
    score = lane_sum(score, lane);
#if soft_cap
    score = capped(score, soft_cap);
#endif
    return score;
}
fn value_apart(kv_head: u32, i: u32) -> vec4f {
    let at = kv_head * value_dim + 4u * i;
    return vec4f(keep_v(at, vec2f(v[at], v[at + 1u])), keep_v(at + 2u, vec2f(v[at + 2u], v[at + 3u])));
}
