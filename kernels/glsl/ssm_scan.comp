// ssm_scan.comp - SPLITS lanes of a subgroup own one dimension of one head and share its d_state states, which stay in
// registers from the first token to the last. No shared memory, no barrier.
#version 460
#include "common.glsl"
#include "ssm_scan.glsl"
#include "activation.glsl"
#include "split_lanes.glsl"

layout(constant_id = 18) const uint D_STATE = 128;  // a multiple of 4 * SPLITS
const uint PART4 = D_STATE / (4 * SPLITS);

void main() {
    const Lane lane = split_lane();
    if (lane.owner >= p.n_head * p.head_dim) return;
    const uint head = lane.owner / p.head_dim, dim = lane.owner % p.head_dim;
    const uint inner = p.n_head * p.head_dim, width = inner + 2 * p.n_group * D_STATE;
    const uint first = lane.part * PART4 * 4;  // of the states
    const uint b_at = inner + (head * p.n_group / p.n_head) * D_STATE + first, c_at = b_at + p.n_group * D_STATE;
    const uint words = p.n_head * D_STATE * p.head_dim;
    const uint at = (head * D_STATE + first) * p.head_dim + dim;

    vec4 s[PART4];
    [[unroll]] for (uint j = 0; j < PART4; ++j) [[unroll]] for (uint i = 0; i < 4; ++i) s[j][i] =
        p.dynamic.pos == 0 ? 0.0 : p.past.v[p.dynamic.past_slot * words + at + (4 * j + i) * p.head_dim];
    const float a = p.a.v[head], d = p.d.v[head], dt_bias = p.dt_bias.v[head];
    F32x4In rows = F32x4In(p.x);
    for (uint t = 0; t < p.n_tok; ++t) {
        const float step = softplus(p.dt.v[t * p.n_head + head] + dt_bias);
        const float decay = exp(a * step);
        const float u = p.x.v[t * width + lane.owner];
        const float inflow = step * u;
        vec4 sum = vec4(0.0);
        [[unroll]] for (uint j = 0; j < PART4; ++j) {
            s[j] = decay * s[j] + inflow * rows.v[(t * width + b_at) / 4 + j];
            sum += s[j] * rows.v[(t * width + c_at) / 4 + j];
        }
        const float y = split_sum(sum.x + sum.y + sum.z + sum.w);
        if (lane.part == 0) p.y.v[t * inner + lane.owner] = y + d * u;
    }
    [[unroll]] for (uint j = 0; j < PART4; ++j) [[unroll]] for (uint i = 0; i < 4; ++i)
        p.state.v[p.dynamic.state_slot * words + at + (4 * j + i) * p.head_dim] = s[j][i];
}
