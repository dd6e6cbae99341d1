// add.comp - y = a + scale b, one invocation an element.
#version 460
#include "common.glsl"
#include "add.glsl"

void main() {
    const uint i = global_invocation();
    if (i < p.rows * p.n) p.y.v[i] = p.a.v[i] + p.scale * p.b.v[i];
}
