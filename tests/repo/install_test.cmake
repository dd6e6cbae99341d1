# cmake -DBUILD_DIR=... -DSOURCE_DIR=... -DCXX=... -P install_test.cmake
# Installs the build, then configures, builds and runs a project that knows nothing but the place it was installed to.
set(scratch ${BUILD_DIR}/install_test)
file(REMOVE_RECURSE ${scratch})

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${status}\n${output}")
  endif()
endfunction()

step(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${scratch}/prefix)
step(${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/repo/consumer -B ${scratch}/consumer -DCMAKE_CXX_COMPILER=${CXX}
     -DCMAKE_PREFIX_PATH=${scratch}/prefix)
step(${CMAKE_COMMAND} --build ${scratch}/consumer)
step(${scratch}/consumer/consumer)
foreach(program m2w m2w-chat m2w-shard)
  step(${scratch}/prefix/bin/${program} --help)
endforeach()
# Headers must not lead back into the source tree or the build tree.
file(GLOB_RECURSE configs ${scratch}/prefix/*.cmake)
foreach(config IN LISTS configs)
  file(READ ${config} text)
  if(text MATCHES "${SOURCE_DIR}|${BUILD_DIR}/generated")
    message(FATAL_ERROR "${config} names the tree that it was built from")
  endif()
endforeach()
