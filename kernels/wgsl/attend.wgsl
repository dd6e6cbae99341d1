// attend.wgsl - one owner a query head of a token, with a running softmax over tiles of LANES positions. A lane has the
// score of one position of a tile; of the sums it has four elements, of every kParts-th position where lanes outnumber
// them. A lane waits for its loads: STEPS of them are under way at a time. At the end one score more joins
// that no cache has: a sink's or, with ROTATED for rope_attend, that of the new position.
#include "math.wgsl"
const kKey4 = ${HEAD4}u;
const kValue4 = ${VALUE4}u;
const kParts = max(LANES / kValue4, 1u);
const kChunks = (kValue4 + LANES - 1u) / LANES;
const kNone = -3.0e38;
var<private> sum: array<vec4f, kChunks>;  // zero to begin with, as an invocation has one owner
#if ALONE
var<private> query: array<vec4f, kKey4>;  // scaled
#else
var<workgroup> query: array<vec4f, kKey4>;
var<workgroup> weights: array<f32, 2 * LANES>;  // and zeroes, for steps beyond the tile
#endif
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
    for (var i = lane; i < kKey4; i += LANES) {
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

#repeat c k,v
fn load4_$c(i: u32) -> vec4f {
#if CACHE_F16
    return vec4f(unpack2x16float(${c}_cache[i].x), unpack2x16float(${c}_cache[i].y));
#else
    return ${c}_cache[i];
#endif
}
#endrepeat

// The caches' row of position j, which is less than n_rows behind the first one that is seen.
var<private> ring: u32;  // where the round of the rows began which that one is in
fn row_of(j: u32, kv_head: u32) -> u32 {
    let row = j - ring;
    return select(row, row - batch.n_rows, row >= batch.n_rows) * n_head_kv + kv_head;
}

// Adds to the sums what a tile of n positions brings, given the weight of the lane's own.
#if ALONE
fn add_tile(tile: u32, n: u32, kv_head: u32, weight: f32, rescale: f32, lane: u32) {
    let row = row_of(tile, kv_head);
    for (var i = 0u; i < kValue4; i++) { sum[i] = sum[i] * rescale + weight * load4_v(row * kValue4 + i); }
}
fn meet_parts(lane: u32) {}
#else
fn add_tile(tile: u32, n: u32, kv_head: u32, weight: f32, rescale: f32, lane: u32) {
    weights[lane] = weight;
    weights[lane + LANES] = 0;
    meet();
    // What lanes beyond the last part and elements beyond the last one come to is not looked at.
    for (var c = 0u; c < kChunks; c++) {
        sum[c] *= rescale;
        for (var j = lane / kValue4; j < min(LANES, n); j += ${STEPS}u * kParts) {
#repeat e $STEPS
            sum[c] += weights[j + ${e}u * kParts] *
                load4_v(row_of(tile + min(j + ${e}u * kParts, n - 1), kv_head) * kValue4 + c * LANES + lane % kValue4);
#endrepeat
        }
    }
}
fn meet_parts(lane: u32) {
    lane_values[lane] = sum[0];
    meet();
    for (var part = 1u; part < kParts; part++) { sum[0] += lane_values[(lane + part * kValue4) % LANES]; }
}
#endif

fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok * n_head) { return; }
    let kv_head = owner % n_head * n_head_kv / n_head;
    let position = batch.pos + owner / n_head;
    let end = position + kNew;
    let first = max(position + 1u, batch.seen) - batch.seen;
    ring = first - first % batch.n_rows;
    let apart = take_token(owner, kv_head, position, lane);
    meet();
    var top = kNone;
    var total = 0.0;
    for (var tile = first; tile < end; tile += LANES) {
        let here = tile + lane < end;
        var s = kNone;
        if (here) {
            let row = row_of(tile + lane, kv_head);
            s = 0.0;
            for (var i = 0u; i < kKey4; i += ${STEPS}u) {
#repeat e $STEPS
                s += dot(query[i + ${e}u], load4_k(row * kKey4 + i + ${e}u));
#endrepeat
            }
#if soft_cap
            s = capped(s, soft_cap);
#endif
        }
        let new_top = max(top, lane_max(s, lane));
        let rescale = exp(max(top - new_top, -80.0));
        let weight = select(0.0, exp(max(s - new_top, -80.0)), here);
        total = total * rescale + weight;
        top = new_top;
        add_tile(tile, end - tile, kv_head, weight, rescale, lane);
    }
    let all_top = max(apart, top);
    let share = exp(max(apart - all_top, -80.0));
    let mine = exp(max(top - all_top, -80.0));
    let norm = lane_sum(total, lane) * mine + share;
    meet_parts(lane);
    for (var i = lane; i < kValue4; i += LANES) {
        let value = (sum[i / LANES] * mine + share * value_apart(kv_head, i)) / norm;
        for (var e = 0u; e < 4u; e++) { y[owner * value_dim + 4u * i + e] = value[e]; }
    }
}
