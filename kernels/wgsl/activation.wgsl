// activation.wgsl - the functions behind the param `activation` (Activation of kernels/ops.h), glu of them, and softplus.
// What goes into exp is clamped: WGSL promises nothing of infinities. Beyond 80 the results are the same.
fn exp_of(x: f32) -> f32 { return exp(clamp(x, -80.0, 80.0)); }

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp_of(-x)); }

// x/2 (1 + tanh(u)) = x / (1 + exp(-2u)): no difference of near numbers for negative x, no tanh.
fn gelu_tanh(x: f32) -> f32 {
    let u = 0.7978845608028654 * (x + 0.044715 * x * x * x);
    return x / (1.0 + exp_of(-2.0 * u));
}

fn activate(x: f32) -> f32 {
#if activation_0
    return x * sigmoid(x);
#endif
#if activation_1
    return gelu_tanh(x);
#endif
#if activation_2
    return max(x, 0.0);
#endif
#if activation_3
    return sigmoid(x);
#endif
#if activation_4
    return x;
#endif
#if activation_5
    return max(x, 0.0) * max(x, 0.0);
#endif
#if activation_6
    return x * sigmoid(1.702 * x);
#endif
}

fn activate_gate(gate: f32) -> f32 {
#if limit
    return activate(min(gate, limit));
#else
    return activate(gate);
#endif
}

fn glu(gate: f32, up: f32) -> f32 {
    var factor = up;
#if limit
    factor = clamp(factor, -limit, limit);
#endif
#if up_shift
    factor += up_shift;
#endif
    return activate_gate(gate) * factor;
}

// log(1 + exp(x)) = max(x, 0) + log(1 + e) with e = exp(-|x|). WGSL's log is too coarse near 1 for the small steps
// of a scan: log(1 + e) = 2 artanh(e / (2 + e)), whose series ends below 1e-9 of its value.
fn softplus(x: f32) -> f32 {
    let e = exp_of(-abs(x));
    let s = e / (2.0 + e);
    let z = s * s;
    var sum = 1.0 / 17.0;
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
