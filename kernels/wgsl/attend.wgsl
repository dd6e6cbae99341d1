// attend.wgsl - one owner a query head of a token. A lane takes every LANES-th position and keeps a running softmax of
// its own; lanes meet only once, at the end. There one score more joins that none of them has: a sink's or, with
// ROTATED for rope_attend, that of the new position, which is in no cache yet.
#include "math.wgsl"
const kKey4 = ${HEAD4}u;
const kValue4 = ${VALUE4}u;
const kNone = -3.0e38;
var<private> query: array<vec4f, kKey4>;  // scaled
var<private> sum: array<vec4f, kValue4>;
#if ROTATED
#include "attend_new_row.wgsl"
#else
const kNew = 1u;  // positions of the token that the caches hold
fn query_scale(position: u32) -> f32 {
#if temperature_length
    if (position >= temperature_length) {
        return scale * (1.0 + temperature * log(1.0 + f32(position / temperature_length)));
    }
#endif
    return scale;
}
fn take_token(owner: u32, kv_head: u32, position: u32, lane: u32) -> f32 {
    let heat = query_scale(position);
    for (var i = 0u; i < kKey4; i++) {
        let at = owner * head_dim + 4u * i;
        query[i] = heat * vec4f(q[at], q[at + 1u], q[at + 2u], q[at + 3u]);
    }
#if sinks
    return sinks[owner % n_head];
#else
    return kNone;
#endif
}
fn value_apart(kv_head: u32, i: u32) -> vec4f { return vec4f(); }
#endif

// Four elements from an index that is a multiple of four.
#repeat c k,v
fn load4_$c(i: u32) -> vec4f {
#if CACHE_F16
    return vec4f(unpack2x16float(${c}_cache[i / 2u]), unpack2x16float(${c}_cache[i / 2u + 1u]));
#else
    return vec4f(${c}_cache[i], ${c}_cache[i + 1u], ${c}_cache[i + 2u], ${c}_cache[i + 3u]);
#endif
}
#endrepeat

fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok * n_head) { return; }
    let kv_head = owner % n_head * n_head_kv / n_head;
    let position = batch.pos + owner / n_head;
    var first = 0u;
#if window
    if (position >= window) { first = position + 1u - window; }
#endif
    sum = array<vec4f, kValue4>();
    let apart = take_token(owner, kv_head, position, lane);
    var top = kNone;
    var total = 0.0;
    for (var j = first + lane; j < position + kNew; j += LANES) {
        let row = (j % n_rows) * n_head_kv + kv_head;
        var s = 0.0;
        for (var i = 0u; i < kKey4; i++) { s += dot(query[i], load4_k(row * head_dim + 4u * i)); }
#if soft_cap
        s = capped(s, soft_cap);
#endif
        let new_top = max(top, s);
        let rescale = exp(max(top - new_top, -80.0));
        let weight = exp(max(s - new_top, -80.0));
        total = total * rescale + weight;
        for (var i = 0u; i < kValue4; i++) {
            sum[i] = sum[i] * rescale + weight * load4_v(row * value_dim + 4u * i);
        }
        top = new_top;
    }
    // A lane without a position has total 0 and drops out.
    let all_top = max(apart, lane_max(top, lane));
    let share = exp(max(apart - all_top, -80.0));
    let mine = exp(max(top - all_top, -80.0));
    let norm = lane_sum(total * mine, lane) + share;
    for (var i = 0u; i < kValue4; i++) {
        let value = (lane_sum4(sum[i] * mine, lane) + share * value_apart(kv_head, i)) / norm;
        if (lane == 0u) {
            let at = owner * value_dim + 4u * i;
            y[at] = value.x;
            y[at + 1u] = value.y;
            y[at + 2u] = value.z;
            y[at + 3u] = value.w;
        }
    }
}
