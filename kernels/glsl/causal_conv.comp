// causal_conv.comp - one invocation an element of y or of the new state: rows from n_tok on are those of the state.
// Past and state lie in different slots, so no invocation writes what another one reads.
#version 460
#include "common.glsl"
#include "causal_conv.glsl"
#include "activation.glsl"

// Row `row` of the past followed by x.
float input_at(uint row, uint column) {
    const uint n_past = p.width - 1;
    if (row >= n_past) return p.x.v[(row - n_past) * p.n + column];
    return p.dynamic.pos == 0 ? 0.0 : p.past.v[(p.dynamic.past_slot * n_past + row) * p.n + column];
}

void main() {
    const uint i = global_invocation();
    const uint row = i / p.n, column = i % p.n;
    const uint n_past = p.width - 1;
    if (row >= p.n_tok + n_past) return;
    if (row >= p.n_tok) {
        p.state.v[(p.dynamic.state_slot * n_past + row - p.n_tok) * p.n + column] = input_at(row, column);
        return;
    }
    float sum = present(p.bias) ? F32In(p.bias).v[column] : 0.0;
    for (uint j = 0; j < p.width; ++j) sum += p.w.v[column * p.width + j] * input_at(row + j, column);
    p.y.v[row * p.n + column] = activate(sum, p.activation);
}
