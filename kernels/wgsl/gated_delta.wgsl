// gated_delta.wgsl - one owner a column of a head's state, whose k_dim rows it keeps from the first token to the last.
// It sums the squares of the key and query that it reads anyway.
#include "activation.wgsl"
fn x4(at: u32) -> vec4f { return vec4f(x[at], x[at + 1u], x[at + 2u], x[at + 3u]); }
fn sum4(v: vec4f) -> f32 { return v.x + v.y + v.z + v.w; }
fn work(owner: u32, z: u32, lane: u32) {
    if (owner >= n_head * v_dim) { return; }
    let head = owner / v_dim;
    let k_head = select(head * n_head_k / n_head, head % n_head_k, key_heads == 1u);
    let keys = n_head_k * k_dim;
    let width = 2u * keys + n_head * v_dim;
    let at = head * k_dim * v_dim + owner % v_dim;
    var s: array<vec4f, ${KEY4}>;
    if (batch.pos != 0u) {
        for (var j = 0u; j < ${KEY4}u; j++) {
            for (var i = 0u; i < 4u; i++) { s[j][i] = past[at + (4u * j + i) * v_dim]; }
        }
    }
    for (var t = 0u; t < batch.n_tok; t++) {
        let g = exp(max(a[head] * softplus(decay[t * n_head + head] + dt_bias[head]), -80.0));
        let q_at = t * width + k_head * k_dim;
        let k_at = q_at + keys;
        var known4 = vec4f();
        var square4 = vec4f();
        for (var j = 0u; j < ${KEY4}u; j++) {
            let key = x4(k_at + 4u * j);
            s[j] *= g;
            known4 += key * s[j];
            square4 += key * key;
        }
        let k_scale = 1.0 / sqrt(sum4(square4) + eps);
        let v = x[t * width + 2u * keys + owner];
        let change = sigmoid(beta[t * n_head + head]) * (v - sum4(known4) * k_scale) * k_scale;
        var sum = vec4f();
        square4 = vec4f();
        for (var j = 0u; j < ${KEY4}u; j++) {
            let query = x4(q_at + 4u * j);
            s[j] += change * x4(k_at + 4u * j);
            sum += query * s[j];
            square4 += query * query;
        }
        y[t * n_head * v_dim + owner] = sum4(sum) / sqrt((sum4(square4) + eps) * f32(k_dim));
    }
    for (var j = 0u; j < ${KEY4}u; j++) {
        for (var i = 0u; i < 4u; i++) { state[at + (4u * j + i) * v_dim] = s[j][i]; }
    }
}
