// join.comp - columns of one or two rows side by side, one invocation an element.
#version 460
#include "common.glsl"
#include "join.glsl"

void main() {
    const uint i = global_invocation(), n = p.n_a + p.n_b;
    if (i >= p.rows * p.groups * n) return;
    const uint row = i / n, column = i % n;
    p.y.v[i] = column < p.n_a ? p.a.v[row * p.a_width + p.a_first + column]
                              : F32In(p.b).v[row * p.b_width + p.b_first + column - p.n_a];
}
