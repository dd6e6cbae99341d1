# m2w_fuzz(NAME SOURCES ... DEPENDS m2w layers ... [SEEDS folders...] [OPTIONS libFuzzer options...]
#          [MAKE_SEEDS program arguments... [MADE_OF files...]])
# With -DM2W_FUZZ=ON (clang): a libFuzzer program in fuzz/ of the build tree, part of the target m2w_fuzz_targets. ./dev fuzz
# runs it. With tests on instead: the same source with a main() that feeds it the seeds, as the ctest entry NAME_seeds, so
# that a fuzz target cannot stop compiling unseen. NAME is fuzz_<what>; seeds below M2W_SHARED_DIR may be missing.
# MAKE_SEEDS is run with a folder as its last argument and fills it with seeds, which are never committed; without all of
# the files MADE_OF there are none.
include_guard(GLOBAL)

if(M2W_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "M2W_FUZZ needs clang for libFuzzer: ./dev fuzz, or CXX=clang++")
  endif()
  add_compile_options(-O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  add_custom_target(m2w_fuzz_targets)
endif()

function(m2w_fuzz name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS;SEEDS;OPTIONS;MAKE_SEEDS;MADE_OF" ${ARGN})
  if(NOT M2W_FUZZ AND NOT M2W_TESTS)
    return()
  endif()
  m2w_make_fuzz_seeds(${name} made "${A_MAKE_SEEDS}" "${A_MADE_OF}")
  list(PREPEND A_SEEDS ${made})
  list(TRANSFORM A_DEPENDS PREPEND m2w_)
  if(M2W_FUZZ)
    add_executable(${name} ${A_SOURCES})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    add_dependencies(m2w_fuzz_targets ${name})
    # What ./dev fuzz hands to the program, one argument a line.
    list(JOIN A_OPTIONS "\n" options)
    list(JOIN A_SEEDS "\n" seeds)
    file(WRITE ${CMAKE_BINARY_DIR}/fuzz/${name}.args "${options}\n${seeds}\n")
  else()
    add_executable(${name} ${A_SOURCES} ${CMAKE_SOURCE_DIR}/cmake/fuzz_replay.cpp)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name}_seeds COMMAND ${name} ${A_SEEDS})
    set_tests_properties(${name}_seeds PROPERTIES LABELS "unit;sanitized" TIMEOUT 300)
    m2w_prepare_test(${name} unit sanitized)
  endif()
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  if(made)
    add_dependencies(${name} ${name}_make_seeds)
  endif()
endfunction()

# Sets OUT to the folder that `command` fills, and makes NAME_make_seeds; to nothing where there is no command, or not
# every file that it reads.
function(m2w_make_fuzz_seeds name out command made_of)
  set(${out} "" PARENT_SCOPE)
  if(NOT command)
    return()
  endif()
  foreach(file IN LISTS made_of)
    if(NOT EXISTS ${file})
      return()
    endif()
  endforeach()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}_seeds)
  add_custom_command(OUTPUT ${folder}.stamp
    COMMAND ${command} ${folder}
    COMMAND ${CMAKE_COMMAND} -E touch ${folder}.stamp
    DEPENDS ${made_of} COMMENT "writing seeds of ${name}" VERBATIM)
  add_custom_target(${name}_make_seeds DEPENDS ${folder}.stamp)
  set(${out} ${folder} PARENT_SCOPE)
endfunction()
