// soft_cap.comp - y = cap tanh(scale x / cap), one invocation an element.
#version 460
#include "common.glsl"
#include "soft_cap.glsl"
#include "math.glsl"

void main() {
    const uint i = global_invocation();
    if (i < p.rows * p.n) p.y.v[i] = capped(p.scale * p.x.v[i], p.cap);
}
