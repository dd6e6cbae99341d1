// glu.comp - y = act(gate) * up, one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"
#include "activation.glsl"

void main() {
    const uint i = global_invocation();
    if (i < p.rows * p.n) p.y.v[i] = activate(p.gate.v[i], p.activation) * p.up.v[i];
}
