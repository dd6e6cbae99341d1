// Each invocation stores the subgroup size that it sees.
#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_KHR_shader_subgroup_basic : require
layout(local_size_x_id = 0) in;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Words {
    uint v[];
};
layout(push_constant) uniform Push {
    Words y;
}
p;
void main() {
    p.y.v[gl_GlobalInvocationID.x] = gl_SubgroupSize;
}
