// Takes as long as asked: a chain of dependent steps that no compiler can shorten.
#version 450
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 1) in;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words { uint v[]; };
layout(push_constant) uniform Push { Words y; uint rounds; uint pad; } p;
void main() {
    uint x = p.y.v[0] | 1u;
    // Two loops, because llvmpipe leaves any loop after 65,535 turns (Mesa, LP_MAX_TGSI_LOOP_ITERATIONS).
    for (uint i = 0; i < p.rounds; ++i)
        for (uint j = 0; j < 1000; ++j) x = x * 1664525u + (x >> 13) + j;
    p.y.v[0] = x;
}
