// glu.comp - y = act(gate) * up, or act(gate) alone, limited and shifted; one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"
#include "activation.glsl"

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n) return;
    const float gate = p.gate.v[i];
    p.y.v[i] = present(p.up) ? glu(gate, F32In(p.up).v[i], p.activation, p.limit, p.up_shift)
                             : activate_gate(gate, p.activation, p.limit);
}
