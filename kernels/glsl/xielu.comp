// xielu.comp - a square for positive x, an integrated ELU for negative; one invocation an element.
#version 460
#include "common.glsl"
#include "xielu.glsl"
#include "math.glsl"

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n) return;
    const float x = p.x.v[i];
    // expm1(x) - x cancels near zero, where it is x^2 / 2 and weighs little beside beta x.
    p.y.v[i] = p.beta * x + (x > 0.0 ? p.alpha_p * x * x : p.alpha_n * (safe_expm1(min(x, p.eps)) - x));
}
