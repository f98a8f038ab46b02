# Warnings are errors in our code; sanitizers and coverage apply to everything.
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

if(SLC_SANITIZE)
  add_compile_options(-fsanitize=${SLC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLC_SANITIZE})
endif()
if(SLC_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

add_library(slc_flags INTERFACE)
target_compile_options(slc_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow=local -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
target_include_directories(slc_flags INTERFACE ${PROJECT_SOURCE_DIR})

# slc_library(name SOURCES … USES …): one room of core/. A room sees only what it names, so a wrong include does not link.
function(slc_library name)
  cmake_parse_arguments(A "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_link_libraries(${name} PRIVATE slc_flags PUBLIC ${A_USES})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()
