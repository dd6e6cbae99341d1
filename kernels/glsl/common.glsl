// common.glsl - buffer references, specialization constants and subgroup helpers that all kernels share.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

// One numbering for all kernels; the profiles are in runtime/vk_kernels.cpp.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint SG = 32;     // subgroup size
layout(constant_id = 2) const uint ROWS = 2;    // weight rows of one subgroup pass
layout(constant_id = 3) const uint SPLITS = 1;  // subgroups that share one piece of work
layout(constant_id = 9) const uint NCOLS = 1;   // activation rows of one pass

layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer F32In { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) writeonly buffer F32Out { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer F32x4In { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) writeonly buffer F32x4Out { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) readonly buffer U32In { uint v[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer U32x2In { uvec2 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer U32x4In { uvec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer F16In { float16_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) writeonly buffer F16Out { float16_t v[]; };
layout(buffer_reference, std430, buffer_reference_align = 2) readonly buffer U16In { uint16_t v[]; };

// What changes from batch to batch (kernels/push_layout.h).
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Dynamic {
    uint pos;
    uint past_slot;   // of states: where the past is, unless pos is 0
    uint state_slot;  // and where the new state goes
    uint n_ctx;
};

#ifdef CACHE_F16
#define CacheIn F16In
#define CacheOut F16Out
#else
#define CacheIn F32In
#define CacheOut F32Out
#endif

bool present(uvec2 address) { return (address.x | address.y) != 0u; }

// Which subgroup of the whole dispatch this is; the grid may use x and y (split_groups).
uint global_subgroup() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_NumSubgroups + gl_SubgroupID;
}

// Which invocation of the whole dispatch this is.
uint global_invocation() {
    return (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
}
