// Any documents for the plugin, without a gateway: ctest runs it on the files of corpus/, and on each of their beginnings.
#include <sluice/testing.hpp>

SLUICE_FUZZ_ENCODER("@NAME@")
