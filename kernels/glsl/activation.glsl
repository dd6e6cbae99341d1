// activation.glsl - the functions behind the param `activation` (Activation of kernels/ops.h), glu of them, and
// softplus.

// exp(-x) overflows to infinity for very negative x, and x / infinity is the right 0.
float silu(float x) { return x / (1.0 + exp(-x)); }

// x/2 (1 + tanh(u)) = x / (1 + exp(-2u)): no difference of near numbers for negative x, no tanh, which gives NaN for
// large arguments on some drivers.
float gelu_tanh(float x) {
    const float u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    return x / (1.0 + exp(-2.0 * u));
}

float sigmoid(float x) { return 1.0 / (1.0 + exp(-x)); }

float quick_gelu(float x) { return x / (1.0 + exp(-1.702 * x)); }

float activate(float x, uint activation) {
    switch (activation) {
        case 0: return silu(x);
        case 1: return gelu_tanh(x);
        case 2: return max(x, 0.0);
        case 3: return sigmoid(x);
        case 4: return x;
        case 5: return max(x, 0.0) * max(x, 0.0);
        default: return quick_gelu(x);
    }
}

float activate_gate(float gate, uint activation, float limit) {
    return activate(limit > 0.0 ? min(gate, limit) : gate, activation);
}

float glu(float gate, float up, uint activation, float limit, float up_shift) {
    return activate_gate(gate, activation, limit) * ((limit > 0.0 ? clamp(up, -limit, limit) : up) + up_shift);
}

// log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|). GLSL's log is only good to 2^-21 near 1, which is too
// little for the small steps of a scan: log(1 + e) = 2 artanh(e / (2 + e)), whose series ends below 1e-9 of its value.
float softplus(float x) {
    const float e = exp(-abs(x));
    const float s = e / (2.0 + e), z = s * s;
    float sum = 1.0 / 17.0;
    sum = sum * z + 1.0 / 15.0;
    sum = sum * z + 1.0 / 13.0;
    sum = sum * z + 1.0 / 11.0;
    sum = sum * z + 1.0 / 9.0;
    sum = sum * z + 1.0 / 7.0;
    sum = sum * z + 1.0 / 5.0;
    sum = sum * z + 1.0 / 3.0;
    sum = sum * z + 1.0;
    return max(x, 0.0) + 2.0 * s * sum;
}
