// math.wgsl - functions that WGSL has only with few promised bits, or with NaN where they saturate.

// Large arguments saturate; near zero, where 1 - 2 / (1 + exp(2x)) cancels, the Taylor series: next
// term 3e-7 of x at 1/4.
fn safe_tanh(x: f32) -> f32 {
    let z = x * x;
    if (z < 0.0625) {
        return x * (1.0 + z * (-1.0 / 3.0 + z * (2.0 / 15.0 + z * (-17.0 / 315.0 + z * (62.0 / 2835.0)))));
    }
    return 1.0 - 2.0 / (1.0 + exp(min(2.0 * x, 80.0)));
}

// exp(x) - 1 for x <= 0; near zero the Taylor series: next term 2e-8 of x at 1/4.
fn safe_expm1(x: f32) -> f32 {
    if (x > -0.25) {
        return x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x * (1.0 / 120.0 + x * (1.0 / 720.0))))));
    }
    return exp(x) - 1.0;
}

// most * tanh(s / most), or s where there is no most.
fn capped(s: f32, most: f32) -> f32 {
    if (most > 0.0) { return most * safe_tanh(s / most); }
    return s;
}
