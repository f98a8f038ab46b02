// Any documents for the plugin, without a gateway. ctest runs it on the files of corpus/. To look for more, with clang:
//
//   export CC=clang CXX=clang++ CFLAGS="-g -fsanitize=address,undefined" CXXFLAGS="-g -fsanitize=address,undefined"
//   cmake -S . -B build-fuzz -DSLUICE_FUZZ=ON && cmake --build build-fuzz && build-fuzz/fuzz_plugin_@NAME@ corpus
#include <sluice/testing.hpp>

SLUICE_FUZZ_ENCODER("@NAME@")
