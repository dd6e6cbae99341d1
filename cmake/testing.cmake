# Test helpers that several folders need. tests/CMakeLists.txt owns m2w_test().

# m2w_count_test(TARGET LABEL): makes `ninja m2w_tests_LABEL` build it, for trees that run only some of the labels.
function(m2w_count_test target label)
  if(NOT TARGET m2w_tests_${label})
    add_custom_target(m2w_tests_${label})
  endif()
  add_dependencies(m2w_tests_${label} ${target})
endfunction()
