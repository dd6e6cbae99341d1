# Compiler settings that hold for every target: warnings, sanitizers, hardening.
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 at -O3: std::optional and std::variant (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=80635),
  # "literal" + std::string (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651).
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict)
  if(CMAKE_UNITY_BUILD)
    # Sources that include others are taken for headers: what is internal to a test is then said to leak into its cases.
    add_compile_options(-Wno-subobject-linkage)
  endif()
endif()
if(M2W_WERROR)
  add_compile_options(-Werror)
endif()
if(M2W_SANITIZE)
  # Without the checks of every member call that AddressSanitizer makes as well: a third of the time to compile the tools.
  add_compile_options(-fsanitize=${M2W_SANITIZE} -fno-sanitize=null,vptr,object-size -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${M2W_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
  # Fast enough to run every test, and line numbers in the reports; variables' names would double the time to compile.
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "build type" FORCE)
endif()

# ./dev puts newer Vulkan headers there where the distribution's are too old; a path remembered from before must not win.
list(PREPEND CMAKE_PREFIX_PATH ${CMAKE_SOURCE_DIR}/.deps)
if((EXISTS ${CMAKE_SOURCE_DIR}/.deps/include/vulkan/vulkan.h AND Vulkan_INCLUDE_DIR STREQUAL "/usr/include")
   OR NOT EXISTS "${Vulkan_INCLUDE_DIR}")
  unset(Vulkan_INCLUDE_DIR CACHE)
endif()

# m2w_runs_once(TARGET): code that runs once a command and is never waited for. The optimiser costs more than it gives.
function(m2w_runs_once target)
  if(M2W_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()
