// glu.comp - y = act(gate) * up, or act(gate) alone, one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"
#include "activation.glsl"

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n) return;
    const float y = activate(p.gate.v[i], p.activation);
    p.y.v[i] = present(p.up) ? y * F32In(p.up).v[i] : y;
}
