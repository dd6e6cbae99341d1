# Every compiled shader variant. A weight op exists once a weight format, a cache op once a cache type; tile sizes and
# subgroup sizes are specialization constants, not variants.
set(formats f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q4_k q5_k q6_k q2_k q3_k iq4_nl iq4_xs iq3_s
            iq3_xxs iq2_s iq2_xs iq2_xxs iq1_s iq1_m mxfp4 nvfp4 tq1_0 tq2_0 q1_0 q2_0)
foreach(op add take_rows glu xielu soft_cap rms_norm layer_norm rope_table rope causal_conv ssm_scan gated_delta
           route expert_order expert_sum join)
  kernel(${op} SOURCE ${op})
endforeach()
foreach(cache f16 f32)
  string(TOUPPER ${cache} define)
  kernel(kv_store_${cache} SOURCE kv_store DEFINES CACHE_${define})
  kernel(rope_store_${cache} SOURCE rope_store DEFINES CACHE_${define})
  kernel(attend_${cache} SOURCE attend DEFINES CACHE_${define})
  kernel(attend_lanes_${cache} SOURCE attend_lanes DEFINES CACHE_${define})
endforeach()
foreach(format IN LISTS formats)
  string(TOUPPER ${format} define)
  foreach(op embed matvec matmat matrows)
    kernel(${op}_${format} SOURCE ${op} DEFINES W_${define})
  endforeach()
  foreach(op matvec matmat matrows)
    kernel(expert_${op}_${format} SOURCE ${op} DEFINES W_${define} EXPERTS)
  endforeach()
endforeach()
