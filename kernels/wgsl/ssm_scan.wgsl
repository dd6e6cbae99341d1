// ssm_scan.wgsl - one owner a dimension of a head, whose d_state states it keeps from the first token to the last.
#include "activation.wgsl"
fn work(owner: u32, z: u32, lane: u32) {
    let inner = n_head * head_dim;
    if (owner >= inner) { return; }
    let head = owner / head_dim;
    let width = inner + 2u * n_group * d_state;
    let b_at = inner + head * n_group / n_head * d_state;
    let c_at = b_at + n_group * d_state;
    let at = head * d_state * head_dim + owner % head_dim;
    var s: array<vec4f, ${STATE4}>;
    if (batch.pos != 0u) {
        for (var j = 0u; j < ${STATE4}u; j++) {
            for (var i = 0u; i < 4u; i++) { s[j][i] = past[at + (4u * j + i) * head_dim]; }
        }
    }
    for (var t = 0u; t < batch.n_tok; t++) {
        let step_size = softplus(dt[t * n_head + head] + dt_bias[head]);
        let decay = exp(max(a[head] * step_size, -80.0));
        let u = x[t * width + owner];
        let inflow = step_size * u;
        var sum = vec4f();
        for (var j = 0u; j < ${STATE4}u; j++) {
            let b = t * width + b_at + 4u * j;
            let c = t * width + c_at + 4u * j;
            s[j] = decay * s[j] + inflow * vec4f(x[b], x[b + 1u], x[b + 2u], x[b + 3u]);
            sum += s[j] * vec4f(x[c], x[c + 1u], x[c + 2u], x[c + 3u]);
        }
        y[t * inner + owner] = sum.x + sum.y + sum.z + sum.w + d[head] * u;
    }
    for (var j = 0u; j < ${STATE4}u; j++) {
        for (var i = 0u; i < 4u; i++) { state[at + (4u * j + i) * head_dim] = s[j][i]; }
    }
}
