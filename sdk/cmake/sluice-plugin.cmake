# sluice_add_plugin(name SOURCES … [LIBS …] [SCHEMA file] [TESTS … [THREADS …]] [FUZZ …]): builds the plugin <name>.so as target
# plugin_<name>, C or C++.
#
#   SOURCES  the plugin
#   LIBS     what it links; static libraries must be position independent, their symbols stay inside
#   SCHEMA   a JSON Schema: #include "schema.h" gives its text as `kSchema`, so that it is written in one place only
#   TESTS    sources of GoogleTest tests: the binary test_plugin_<name> is built of SOURCES and TESTS, so that tests reach
#            everything, the entry included; ctest finds them if the project calls enable_testing()
#   THREADS  those of the tests in which several threads work (GoogleTest filters): they get the label plugin-tsan, for a run under
#            ThreadSanitizer
#   FUZZ     a source with SLUICE_FUZZ_DECODER or SLUICE_FUZZ_ENCODER: seeds_plugin_<name> is built of SOURCES and it, and run by ctest
#            on the files of the folder corpus/. With -DSLUICE_FUZZ=ON (clang), fuzz_plugin_<name> is the fuzzer itself
#
# In the gateway's own tree the result goes to ${CMAKE_BINARY_DIR}/plugins and is installed; elsewhere it goes to
# ${CMAKE_CURRENT_BINARY_DIR}.
include_guard(GLOBAL)

# The rules for a target that is a plugin (why each: docs of the plugin ABI, "Build rules").
function(sluice_plugin_target target)
  set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON POSITION_INDEPENDENT_CODE ON
    C_STANDARD 11 CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    LINK_DEPENDS ${here}/plugin.version)
  target_link_libraries(${target} PRIVATE sluice::sdk)
  # A unique symbol would pin the image and be shared with other plugins.
  if("CXX" IN_LIST languages AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-gnu-unique>)
  endif()
  target_link_options(${target} PRIVATE
    LINKER:--exclude-libs,ALL LINKER:--version-script,${here}/plugin.version LINKER:-z,now)
  # Everything must be found at link time, except where the sanitizer's functions are in the executable (clang).
  set(instrumented "${SLC_SANITIZE} ${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}")
  if(SLC_SANITIZE OR instrumented MATCHES "-fsanitize")
    set(sanitized ON)
  endif()
  if(NOT (sanitized AND "${CMAKE_C_COMPILER_ID} ${CMAKE_CXX_COMPILER_ID}" MATCHES "Clang"))
    target_link_options(${target} PRIVATE LINKER:-z,defs)
  endif()
endfunction()

# The tree's own warnings, as errors. Not its include folder: a plugin sees the SDK and nothing of core/.
function(sluice_plugin_warnings target)
  get_target_property(warnings slc_flags INTERFACE_COMPILE_OPTIONS)
  foreach(warning ${warnings})
    if(warning MATCHES "virtual")  # gcc objects to C++ warnings for C
      set(warning $<$<COMPILE_LANGUAGE:CXX>:${warning}>)
    endif()
    target_compile_options(${target} PRIVATE ${warning})
  endforeach()
endfunction()

# schema.h in `folder`: the file's text as a string literal that C and C++ take.
function(sluice_schema_header file folder)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  string(REPLACE "\n" "\\n\"\n  \"" text "${text}")
  file(CONFIGURE OUTPUT ${folder}/schema.h @ONLY CONTENT
"/* Made from @file@. */
#ifdef __cplusplus
inline constexpr char kSchema[] =
#else
static const char kSchema[] =
#endif
  \"@text@\";
")
endfunction()

function(sluice_add_plugin name)
  cmake_parse_arguments(P "" "SCHEMA" "SOURCES;LIBS;TESTS;THREADS;FUZZ" ${ARGN})
  if(P_UNPARSED_ARGUMENTS OR NOT P_SOURCES)
    message(FATAL_ERROR "sluice_add_plugin(${name}): wants SOURCES … [LIBS …] [SCHEMA file] [TESTS … [THREADS …]] [FUZZ …], got: ${ARGN}")
  endif()
  set(target plugin_${name})
  add_library(${target} MODULE ${P_SOURCES})
  sluice_plugin_target(${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name})
  target_link_libraries(${target} PRIVATE ${P_LIBS})
  if(P_SCHEMA)
    set(schema_folder ${CMAKE_CURRENT_BINARY_DIR}/${name}-schema)
    get_filename_component(schema_file ${P_SCHEMA} ABSOLUTE)
    sluice_schema_header(${schema_file} ${schema_folder})
    target_include_directories(${target} PRIVATE ${schema_folder})
  endif()
  if(TARGET slc_flags)  # in the gateway's tree
    sluice_plugin_warnings(${target})
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
    install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/sluice/plugins)
  else()
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  endif()
  if(CMAKE_NM AND NOT SLC_COVERAGE)
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
      COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DFILE=$<TARGET_FILE:${target}>
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check-exports.cmake)
  endif()
  if(CMAKE_READELF)
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
      COMMAND ${CMAKE_COMMAND} -DREADELF=${CMAKE_READELF} -DFILE=$<TARGET_FILE:${target}>
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check-note.cmake)
  endif()

  if(TARGET slc_flags AND NOT SLC_TESTS)
    return()
  endif()
  if(P_FUZZ)
    set(fuzzers seeds_${target})
    add_executable(seeds_${target} ${P_SOURCES} ${P_FUZZ} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/run_seeds.cc)
    add_test(NAME seeds_${target} COMMAND seeds_${target} ${CMAKE_CURRENT_SOURCE_DIR}/corpus)
    if(SLUICE_FUZZ)
      list(APPEND fuzzers fuzz_${target})
      add_executable(fuzz_${target} ${P_SOURCES} ${P_FUZZ})
      target_compile_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
      target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
    endif()
    foreach(fuzzer ${fuzzers})
      set_target_properties(${fuzzer} PROPERTIES C_STANDARD 11 CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
      target_link_libraries(${fuzzer} PRIVATE sluice::sdk ${P_LIBS})
      if(P_SCHEMA)
        target_include_directories(${fuzzer} PRIVATE ${schema_folder})
      endif()
    endforeach()
  endif()
  if(NOT P_TESTS)
    return()
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(test_${target} ${P_SOURCES} ${P_TESTS})
  set_target_properties(test_${target} PROPERTIES CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
  target_link_libraries(test_${target} PRIVATE sluice::sdk ${P_LIBS} GTest::gtest GTest::gtest_main)
  if(P_SCHEMA)
    target_include_directories(test_${target} PRIVATE ${schema_folder})
  endif()
  if(TARGET slc_flags)
    sluice_plugin_warnings(test_${target})
    target_include_directories(test_${target} PRIVATE ${PROJECT_SOURCE_DIR})
    target_compile_options(test_${target} PRIVATE ${SLC_TEST_OPTIONS})
  endif()
  if(P_THREADS)
    set_property(GLOBAL APPEND PROPERTY SLUICE_THREAD_TESTS test_${target})  # for a target that builds all of them
    list(JOIN P_THREADS ":" threads)
    gtest_discover_tests(test_${target} DISCOVERY_MODE PRE_TEST TEST_FILTER "${threads}" PROPERTIES TIMEOUT 120 LABELS plugin-tsan)  # "ctest -L" searches in labels
    gtest_discover_tests(test_${target} DISCOVERY_MODE PRE_TEST TEST_FILTER "-${threads}" PROPERTIES TIMEOUT 120 LABELS plugin)
  else()
    gtest_discover_tests(test_${target} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT 120 LABELS plugin)
  endif()
endfunction()
