// glu.comp - y = act(gate) * up, or act(gate) alone, limited and shifted; one invocation an element.
#version 460
#include "common.glsl"
#include "glu.glsl"
#include "activation.glsl"

void main() {
    const uint i = global_invocation();
    if (i >= p.rows * p.n) return;
    const bool limited = p.limit > 0.0;
    float gate = p.gate.v[i];
    if (limited) gate = min(gate, p.limit);
    float y = activate(gate, p.activation);
    if (present(p.up)) {
        const float up = F32In(p.up).v[i];
        y *= (limited ? clamp(up, -p.limit, p.limit) : up) + p.up_shift;
    }
    p.y.v[i] = y;
}
