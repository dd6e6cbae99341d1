// Takes as long as asked: a chain of dependent steps that no compiler can shorten.
#version 450
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 1) in;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words {
    uint v[];
};
layout(push_constant) uniform Push {
    Words y;
    uint turns;
    uint pad;
}
p;
// A loop must end before 65,536 turns: llvmpipe cuts the loops of an invocation off when all of
// them together reach that (Mesa 22.3, LP_MAX_TGSI_LOOP_ITERATIONS). So 16 steps a turn, and the
// rest by the number of workgroups.
#define STEP x = x * 1664525u + (x >> 13);
#define STEP4 STEP STEP STEP STEP
void main() {
    uint x = p.y.v[gl_WorkGroupID.x] | 1u;
    for (uint i = 0; i < p.turns; ++i) {
        STEP4 STEP4 STEP4 STEP4
    }
    p.y.v[gl_WorkGroupID.x] = x;
}
