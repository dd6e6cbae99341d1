# Headers that nearly every source reads, read once: with -DM2W_PCH=ON, as ./dev test builds. Measured with g++ 12 on
# tests/tokenizer/cases_test.cpp: 2.9 s, with them 1.9 s; on runtime/model/hparams.cpp: 2.2 s and 1.3 s. Off elsewhere.
include_guard(GLOBAL)
option(M2W_PCH "precompile common headers" OFF)
# What ccache needs to look through a precompiled header (its manual, "Precompiled headers").
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(M2W_PCH_OPTIONS -fpch-preprocess)
else()
  set(M2W_PCH_OPTIONS -Xclang -fno-pch-timestamp)
endif()

# m2w_precompile(NAME HEADERS <...> [LINKS targets...]): an object library NAME that m2w_reuse_precompiled can name.
function(m2w_precompile name)
  if(NOT M2W_PCH)
    return()
  endif()
  cmake_parse_arguments(A "" "" "HEADERS;LINKS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/generated/${name}.cpp)
  file(GENERATE OUTPUT ${source} CONTENT "")
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PRIVATE ${A_LINKS})
  target_precompile_headers(${name} PRIVATE ${A_HEADERS})
  target_compile_options(${name} PRIVATE ${M2W_PCH_OPTIONS})
endfunction()

# m2w_reuse_precompiled(TARGET NAME): both must be compiled with the same options and definitions; a definition more in
# TARGET is fine if the headers do not ask for it. g++ says so (-Winvalid-pch) and reads the headers where that is untrue.
function(m2w_reuse_precompiled target name)
  if(M2W_PCH)
    target_precompile_headers(${target} REUSE_FROM ${name})
    target_compile_options(${target} PRIVATE ${M2W_PCH_OPTIONS})
  endif()
endfunction()

# m2w_unite(TARGET): in the sanitized tree of ./dev test the sources are compiled four at a time: what they include is read
# once, and templates are made once. For tools/ 150 s of processor time become 100; libraries gain too little. No two sources
# may then have internal names in common. The release tree compiles each file as it stands.
function(m2w_unite target)
  if(M2W_PCH AND M2W_SANITIZE)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 4)
  endif()
endfunction()
