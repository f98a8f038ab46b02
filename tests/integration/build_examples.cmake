# cmake -DBUILD=… -DOUT=… -DCXX=… -DC=… -DFLAGS=… -DRUST_FLAGS=… -P build_examples.cmake: installs the gateway into OUT/prefix and
# builds the installed examples there, as an author would: with find_package(sluice-sdk) and nothing of the tree.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\n${text}")
  endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${OUT}/prefix)
set(sources ${OUT}/prefix/share/sluice/examples)
set(settings -G Ninja -DCMAKE_PREFIX_PATH=${OUT}/prefix -DCMAKE_BUILD_TYPE=
  -DCMAKE_C_COMPILER=${C} -DCMAKE_CXX_COMPILER=${CXX} -DSLUICE_BUILD_FLAGS=${RUST_FLAGS}
  "-DCMAKE_C_FLAGS=${FLAGS} -Wall -Wextra -Wpedantic -Werror" "-DCMAKE_CXX_FLAGS=${FLAGS} -Wall -Wextra -Wpedantic -Wshadow=local -Werror"
  "-DCMAKE_SHARED_LINKER_FLAGS=${FLAGS}" "-DCMAKE_MODULE_LINKER_FLAGS=${FLAGS}" "-DCMAKE_EXE_LINKER_FLAGS=${FLAGS}")
if(CXX MATCHES "clang")
  list(TRANSFORM settings REPLACE "-Wshadow=local" "-Wshadow")
endif()
run(${CMAKE_COMMAND} -S ${sources} -B ${OUT}/build ${settings})
run(${CMAKE_COMMAND} --build ${OUT}/build)
# Each folder is a project of its own; to see that for each of them, configuring is enough.
file(GLOB folders RELATIVE ${sources} ${sources}/*/CMakeLists.txt)
foreach(list ${folders})
  cmake_path(GET list PARENT_PATH folder)
  if(IS_DIRECTORY ${OUT}/build/${folder})
    run(${CMAKE_COMMAND} -S ${sources}/${folder} -B ${OUT}/alone/${folder} ${settings})
  endif()
endforeach()
