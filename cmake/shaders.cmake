# GLSL to SPIR-V to one table inside a library. Knows nothing of what the kernels compute.
#
# m2w_shader(OUT_VAR NAME name SOURCE file.comp [INCLUDES dirs...] [DEFINES A B=1...] [DEPENDS generated headers...]
#            [TARGET_ENV vulkan1.2])
#   One variant. Appends its .spv to the list OUT_VAR in the caller's scope. Headers that glslc reads are tracked by its
#   depfile; DEPENDS is for those that the build itself makes (and for targets that make them).
#   With M2W_SPIRV_FROM, the spirv/ folder of another build tree of this source folder, it is taken from there instead.
# m2w_embed_shaders(TARGET list-of-.spv)
#   Compiles the table of these variants, sorted by name, into TARGET: m2w::spirv_modules() of kernels/spirv.h.
#
# M2W_GLSLC_COOPMAT and M2W_GLSLC_INTDOT say whether this glslc knows KHR cooperative matrix and integer dot products.
include_guard(GLOBAL)

# ./dev puts a newer glslc there where the distribution's is too old; a path remembered from before must not win.
set(deps_glslc ${CMAKE_SOURCE_DIR}/.deps/bin/glslc)
if((EXISTS ${deps_glslc} AND M2W_GLSLC STREQUAL "/usr/bin/glslc") OR NOT EXISTS "${M2W_GLSLC}")
  unset(M2W_GLSLC CACHE)
endif()
find_program(M2W_GLSLC glslc HINTS ${CMAKE_SOURCE_DIR}/.deps/bin)
if(NOT M2W_GLSLC)
  message(FATAL_ERROR "glslc not found: ./dev build installs it (Debian package glslc, or shaderc)")
endif()

# Compiles a probe for one GLSL extension; the answer is kept as long as the compiler is the same.
function(m2w_probe_glslc variable what source)
  if(NOT DEFINED CACHE{${variable}})
    set(probe ${CMAKE_BINARY_DIR}/glslc_probe/${variable}.comp)
    file(WRITE ${probe} "${source}")
    execute_process(COMMAND ${M2W_GLSLC} --target-env=vulkan1.2 -o ${probe}.spv ${probe}
                    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if(failed)
      set(${variable} OFF CACHE INTERNAL "glslc knows ${what}")
    else()
      set(${variable} ON CACHE INTERNAL "glslc knows ${what}")
    endif()
  endif()
endfunction()

function(m2w_probe_glslc_all)
  execute_process(COMMAND ${M2W_GLSLC} --version OUTPUT_VARIABLE version RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${M2W_GLSLC} --version failed: ${failed}")
  endif()
  string(REGEX MATCH "shaderc v?([^\n ]+)" _ "${version}")
  set(identity "${M2W_GLSLC} ${CMAKE_MATCH_1}")
  if(NOT "${M2W_GLSLC_PROBED}" STREQUAL identity)
    unset(M2W_GLSLC_COOPMAT CACHE)
    unset(M2W_GLSLC_INTDOT CACHE)
  endif()
  m2w_probe_glslc(M2W_GLSLC_COOPMAT "KHR cooperative matrix" [[
#version 460
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
layout(local_size_x = 32) in;
layout(std430, binding = 0) buffer B { float16_t x[]; };
void main() {
    coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> a;
    coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB> b;
    coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator> c =
        coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>(0);
    coopMatLoad(a, x, 0, 16, gl_CooperativeMatrixLayoutRowMajor);
    coopMatLoad(b, x, 256, 16, gl_CooperativeMatrixLayoutRowMajor);
    coopMatStore(coopMatMulAdd(a, b, c), x, 0, 16, gl_CooperativeMatrixLayoutRowMajor);
}
]])
  m2w_probe_glslc(M2W_GLSLC_INTDOT "integer dot products" [[
#version 460
#extension GL_EXT_integer_dot_product : require
layout(local_size_x = 32) in;
layout(std430, binding = 0) buffer B { int x[]; };
void main() { x[0] = dotPacked4x8AccSatEXT(x[1], x[2], x[3]); }
]])
  set(out "")
  if(NOT M2W_GLSLC_COOPMAT)
    list(APPEND out "KHR cooperative matrix")
  endif()
  if(NOT M2W_GLSLC_INTDOT)
    list(APPEND out "integer dot products")
  endif()
  if(NOT "${M2W_GLSLC_PROBED}" STREQUAL identity)
    if(out)
      list(JOIN out " and " out)
      message(STATUS "glslc ${identity}: too old for ${out}, kernels that need it are left out")
    else()
      message(STATUS "glslc ${identity}: nothing left out")
    endif()
    set(M2W_GLSLC_PROBED "${identity}" CACHE INTERNAL "the compiler the answers are about")
  endif()
endfunction()
m2w_probe_glslc_all()

set(M2W_SPIRV_FROM "" CACHE STRING "take compiled shaders from this folder below the source folder")

function(m2w_shader out_var)
  # All locals are A_*: the caller's list may have any other name, and is read by it.
  cmake_parse_arguments(A "" "NAME;SOURCE;TARGET_ENV" "INCLUDES;DEFINES;DEPENDS" ${ARGN})
  if(NOT A_NAME OR NOT A_SOURCE OR A_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "m2w_shader: NAME and SOURCE are needed, not understood: '${A_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT A_TARGET_ENV)
    set(A_TARGET_ENV vulkan1.2)
  endif()
  get_filename_component(A_SOURCE ${A_SOURCE} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  set(A_OUTPUT ${CMAKE_BINARY_DIR}/spirv/${A_NAME}.spv)
  if(A_OUTPUT IN_LIST ${out_var})
    message(FATAL_ERROR "m2w_shader: two variants are named ${A_NAME}")
  endif()
  if(M2W_SPIRV_FROM)
    set(${out_var} ${${out_var}} ${CMAKE_SOURCE_DIR}/${M2W_SPIRV_FROM}/${A_NAME}.spv PARENT_SCOPE)
    return()
  endif()
  list(TRANSFORM A_DEFINES PREPEND -D)
  set(A_FLAGS "")
  foreach(A_DIR IN LISTS A_INCLUDES)
    get_filename_component(A_DIR ${A_DIR} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND A_FLAGS -I ${A_DIR})
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/spirv)
  add_custom_command(
    OUTPUT ${A_OUTPUT}
    COMMAND ${M2W_GLSLC} --target-env=${A_TARGET_ENV} -O -Werror ${A_FLAGS} ${A_DEFINES} -MD -MF ${A_OUTPUT}.d -MT ${A_OUTPUT}
            -o ${A_OUTPUT} ${A_SOURCE}
    DEPENDS ${A_SOURCE} ${A_DEPENDS} ${M2W_GLSLC}
    DEPFILE ${A_OUTPUT}.d
    COMMENT "glslc ${A_NAME}"
    VERBATIM)
  set(${out_var} ${${out_var}} ${A_OUTPUT} PARENT_SCOPE)
endfunction()

function(m2w_embed_shaders target)
  set(spvs ${ARGN})
  list(SORT spvs)
  set(table ${CMAKE_BINARY_DIR}/generated/${target}_spirv.cpp)
  if(NOT TARGET m2w_embed_spirv)
    add_executable(m2w_embed_spirv ${CMAKE_SOURCE_DIR}/cmake/embed_spirv.cpp)
    set_target_properties(m2w_embed_spirv PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
  endif()
  # The list goes through a file: 150 paths are more than some shells and a readable log take.
  list(JOIN spvs "\n" lines)
  file(GENERATE OUTPUT ${table}.list CONTENT "${lines}\n")
  add_custom_command(
    OUTPUT ${table}
    COMMAND m2w_embed_spirv ${table} ${table}.list
    DEPENDS ${spvs} ${table}.list m2w_embed_spirv
    COMMENT "embedding SPIR-V into ${target}"
    VERBATIM)
  target_sources(${target} PRIVATE ${table})
endfunction()
