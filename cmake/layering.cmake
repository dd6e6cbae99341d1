# Only in sanitized trees: the release tree compiles each library as it stands, so that a missing #include is found.
if(M2W_PCH AND M2W_SANITIZE)
  find_package(fmt REQUIRED)
  m2w_precompile(m2w_common_headers
    HEADERS <algorithm> <array> <cmath> <cstring> <filesystem> <functional> <map> <memory> <optional> <span> <string>
            <string_view> <variant> <vector> <fmt/format.h>
    LINKS fmt::fmt)
  set_target_properties(m2w_common_headers PROPERTIES POSITION_INDEPENDENT_CODE ON)  # as in every library
endif()

# m2w_library(NAME LAYER n SOURCES ... [DEPENDS m2w layers ...] [LINKS external targets ...])
# A static library m2w_NAME. Depending on a layer that is not strictly lower stops the configuration, so a design that
# does not fit the picture in docs/architecture.md does not build. tests/repo checks the same for #include lines.
function(m2w_library name)
  cmake_parse_arguments(A "" "LAYER" "SOURCES;DEPENDS;LINKS" ${ARGN})
  if(NOT A_SOURCES)
    add_library(m2w_${name} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(m2w_${name} STATIC ${A_SOURCES})
    if(TARGET m2w_common_headers)
      m2w_reuse_precompiled(m2w_${name} m2w_common_headers)
    endif()
    set(scope PUBLIC)
  endif()
  set_target_properties(m2w_${name} PROPERTIES M2W_LAYER ${A_LAYER} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(m2w_${name} ${scope} $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>
                                                  $<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/generated>)
  foreach(dep IN LISTS A_DEPENDS)
    get_target_property(below m2w_${dep} M2W_LAYER)
    if(NOT below LESS A_LAYER)
      message(FATAL_ERROR "layering: ${name} (layer ${A_LAYER}) must not depend on ${dep} (layer ${below})")
    endif()
    target_link_libraries(m2w_${name} ${scope} m2w_${dep})
  endforeach()
  target_link_libraries(m2w_${name} ${scope} ${A_LINKS})
  set_property(GLOBAL APPEND PROPERTY M2W_LIBRARIES m2w_${name})
endfunction()
