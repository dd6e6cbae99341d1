// route.wgsl - the experts of a token and their weights: one owner a token, its lanes share the experts. Each round
// takes the first expert behind the last one in the order (key down, id up), so rounds keep nothing but that one.
#include "activation.wgsl"
const kMostGroups = 32u;  // a limit of docs/models.md
const kNobody = 0xffffffffu;
const kMost = 3.0e38;
struct Choice { key: f32, id: u32 }
// Of a token: where its logits begin, the largest one, the sum of exp(logit - top).
struct Token { base: u32, top: f32, total: f32 }

fn score(t: Token, e: u32) -> f32 {
    let v = logits[t.base + e];
    if (scoring == 0u) { return exp(max(v - t.top, -80.0)) / t.total; }
    return sigmoid(v);
}

// Scores rise with logits, so these give the same order where nothing is added to scores.
fn key_of(t: Token, e: u32) -> f32 {
#if bias
    return score(t, e) + bias[e];
#else
    if (group_top < 2u) { return logits[t.base + e]; }
    return score(t, e);
#endif
}

// The first one behind `last` among the experts [begin, end) of the groups in the mask.
fn next(t: Token, begin: u32, end: u32, mask: u32, last: Choice, lane: u32) -> Choice {
    var best = Choice(-kMost, kNobody);
    for (var e = begin + lane; e < end; e += LANES) {
        let key = key_of(t, e);
        let allowed = ((mask >> (e / (n_expert / n_group))) & 1u) == 1u;
        let behind = key < last.key || (key == last.key && e > last.id);
        if (allowed && behind && (key > best.key || best.id == kNobody)) { best = Choice(key, e); }
    }
    let key = lane_max(best.key, lane);
    return Choice(key, lane_min_u(select(kNobody, best.id, best.key == key), lane));
}

// Bits of the groups that may be chosen from.
fn chosen_groups(t: Token, lane: u32) -> u32 {
    if (n_group == 1u) { return 1u; }
    let size = n_expert / n_group;
    var sums: array<f32, kMostGroups>;
    for (var g = 0u; g < n_group; g++) {
        var last = Choice(kMost, 0u);
        for (var j = 0u; j < group_top; j++) {
            last = next(t, g * size, (g + 1u) * size, 0xffffffffu, last, lane);
            sums[g] += last.key;
        }
    }
    var mask = 0u;
    for (var g = 0u; g < n_group; g++) {
        var better = 0u;
        for (var h = 0u; h < n_group; h++) {
            better += select(0u, 1u, sums[h] > sums[g] || (sums[h] == sums[g] && h < g));
        }
        if (better < n_group_used) { mask |= 1u << g; }
    }
    return mask;
}

fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= batch.n_tok) { return; }
    var t = Token(owner * n_expert, -kMost, 0.0);
    if (scoring == 0u) {
        var top = -kMost;
        for (var e = lane; e < n_expert; e += LANES) { top = max(top, logits[t.base + e]); }
        t.top = lane_max(top, lane);
        var total = 0.0;
        for (var e = lane; e < n_expert; e += LANES) { total += exp(max(logits[t.base + e] - t.top, -80.0)); }
        t.total = lane_sum(total, lane);
    }
    let mask = chosen_groups(t, lane);
    var last = Choice(kMost, 0u);
    var chosen = 0.0;
    for (var j = 0u; j < n_used; j++) {
        last = next(t, 0u, n_expert, mask, last, lane);
        let id = min(last.id, n_expert - 1u);  // NaN has no order; ids stay valid
        chosen += score(t, id);
        if (lane == 0u) {
            ids[owner * n_used + j] = f32(id);
            weights[owner * n_used + j] = score(t, id);
        }
    }
    if (lane != 0u) { return; }
    let factor = select(scale, scale / chosen, normalised != 0u);
    for (var j = 0u; j < n_used; j++) { weights[owner * n_used + j] *= factor; }
}
