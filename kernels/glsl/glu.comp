// glu.comp - y = act(gate) * up, one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"

// exp(-x) overflows to infinity for very negative x, and x / infinity is the right 0.
float silu(float x) { return x / (1.0 + exp(-x)); }

// x/2 (1 + tanh(u)) = x / (1 + exp(-2u)): no difference of near numbers for negative x, no tanh, which gives NaN for large
// arguments on some drivers.
float gelu_tanh(float x) {
    const float u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    return x / (1.0 + exp(-2.0 * u));
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
