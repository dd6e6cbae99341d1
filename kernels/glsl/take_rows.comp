// take_rows.comp - the last p.rows rows of x, one invocation an element.
#version 460
#include "common.glsl"
#include "take_rows.glsl"

void main() {
    const uint i = global_invocation();
    if (i < p.rows * p.n) p.y.v[i] = p.x.v[(p.n_tok - p.rows) * p.n + i];
}
