# Test helpers that several folders need. tests/CMakeLists.txt owns m2w_test().

# m2w_prepare_test(TARGET LABELS...): what every test program gets.
function(m2w_prepare_test target)
  # `ninja m2w_tests_LABEL` builds it, for trees that run only some of the labels.
  foreach(label IN LISTS ARGN)
    if(NOT TARGET m2w_tests_${label})
      add_custom_target(m2w_tests_${label})
    endif()
    add_dependencies(m2w_tests_${label} ${target})
  endforeach()
  # The subject is optimised, its test is not: assertions are most of what a test tree compiles. Measured with g++ 12 on
  # tests/gguf/file_test.cpp: 8.7 s with -O3, 6.0 s with -O1; under the sanitizers 15.0 s with -O1, 6.1 s with -O0; on cli_test
  # 15.2 s with -O1 and 10.1 s with -O0. Nor is a test itself watched by UBSan, which takes another third of that;
  # AddressSanitizer watches both.
  target_compile_options(${target} PRIVATE -O0)
  if(M2W_SANITIZE)
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()
