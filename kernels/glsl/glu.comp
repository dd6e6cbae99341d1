// glu.comp - y = act(gate) * up, one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"

// exp(-x) overflows to infinity for very negative x, and x / infinity is the right 0.
float silu(float x) { return x / (1.0 + exp(-x)); }

// tanh(u) = 1 - 2 / (exp(2u) + 1): exact at both ends, where some drivers' tanh gives NaN.
float gelu_tanh(float x) {
    const float u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    return 0.5 * x * (2.0 - 2.0 / (exp(2.0 * u) + 1.0));
}

float activate(float x) {
    switch (p.activation) {
        case 0: return silu(x);
        case 1: return gelu_tanh(x);
        default: return max(x, 0.0);
    }
}

void main() {
    const uint i = global_invocation();
    if (i < p.rows * p.n) p.y.v[i] = activate(p.gate.v[i]) * p.up.v[i];
}
