// gated_delta.comp - SPLITS lanes of a subgroup own one column of one head's state and share its k_dim rows, which stay
// in registers from the first token to the last. Every lane sums the squares of the key and query that it reads anyway,
// instead of waiting for a norm. No shared memory, no barrier.
#version 460
#include "common.glsl"
#include "gated_delta.glsl"
#include "activation.glsl"
#include "split_lanes.glsl"

layout(constant_id = 18) const uint K_DIM = 128;  // a multiple of 4 * SPLITS
const uint PART4 = K_DIM / (4 * SPLITS);

float sum4(vec4 x) { return x.x + x.y + x.z + x.w; }

void main() {
    const Lane lane = split_lane();
    if (lane.owner >= p.n_head * p.v_dim) return;
    const uint head = lane.owner / p.v_dim, column = lane.owner % p.v_dim;
    const uint k_head = p.key_heads == 1u ? head % p.n_head_k : head * p.n_head_k / p.n_head;
    const uint keys = p.n_head_k * K_DIM, width = 2 * keys + p.n_head * p.v_dim;
    const uint first = lane.part * PART4 * 4;  // of the rows
    const uint q_at = k_head * K_DIM + first, k_at = q_at + keys;
    const uint words = p.n_head * K_DIM * p.v_dim;
    const uint at = (head * K_DIM + first) * p.v_dim + column;

    vec4 s[PART4];
    [[unroll]] for (uint j = 0; j < PART4; ++j) [[unroll]] for (uint i = 0; i < 4; ++i) s[j][i] =
        p.dynamic.pos == 0 ? 0.0 : p.past.v[p.dynamic.past_slot * words + at + (4 * j + i) * p.v_dim];
    const float a = p.a.v[head], dt_bias = p.dt_bias.v[head];
    F32x4In rows = F32x4In(p.x);
    for (uint t = 0; t < p.n_tok; ++t) {
        const float g = exp(a * softplus(p.decay.v[t * p.n_head + head] + dt_bias));
        vec4 known4 = vec4(0.0), square4 = vec4(0.0);
        [[unroll]] for (uint j = 0; j < PART4; ++j) {
            const vec4 k = rows.v[(t * width + k_at) / 4 + j];
            s[j] *= g;
            known4 += k * s[j];
            square4 += k * k;
        }
        const float k_scale = inversesqrt(split_sum(sum4(square4)) + p.eps);
        const float known = split_sum(sum4(known4)) * k_scale;
        const float v = p.x.v[t * width + 2 * keys + lane.owner];
        const float change = sigmoid(p.beta.v[t * p.n_head + head]) * (v - known) * k_scale;
        vec4 sum = vec4(0.0);
        square4 = vec4(0.0);
        [[unroll]] for (uint j = 0; j < PART4; ++j) {
            const vec4 q = rows.v[(t * width + q_at) / 4 + j];
            s[j] += change * rows.v[(t * width + k_at) / 4 + j];
            sum += q * s[j];
            square4 += q * q;
        }
        const float q_scale = inversesqrt((split_sum(sum4(square4)) + p.eps) * float(K_DIM));
        const float y = split_sum(sum4(sum)) * q_scale;
        if (lane.part == 0) p.y.v[t * p.n_head * p.v_dim + lane.owner] = y;
    }
    [[unroll]] for (uint j = 0; j < PART4; ++j) [[unroll]] for (uint i = 0; i < 4; ++i)
        p.state.v[p.dynamic.state_slot * words + at + (4 * j + i) * p.v_dim] = s[j][i];
}
