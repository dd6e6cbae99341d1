// out[i] = in[i] * FACTOR + add[z]: exercises addresses, specialization and push constants, a grid
// in y.
#version 450
#extension GL_EXT_buffer_reference : require
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint FACTOR = 1;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words {
    uint v[];
};
layout(push_constant) uniform Push {
    Words x;
    Words y;
    uint n;
    uint add;
}
p;
void main() {
    uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    uint i = group * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    if (i < p.n) p.y.v[i] = p.x.v[i] * FACTOR + p.add;
}
