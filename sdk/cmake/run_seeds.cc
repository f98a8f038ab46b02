// Runs a fuzz target once on every file of the folders given, and on each of their beginnings: the driver of builds without
// libFuzzer, the gateway's own and those of plugins (sluice_add_plugin, FUZZ). A folder without seeds is an error.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

int main(int argc, char** argv) {
  int seeds = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::vector<char> all((std::istreambuf_iterator<char>(in)), {});
      ++seeds;
      size_t step = all.size() / 512 + 1;
      for (size_t n = 0; n <= all.size(); n += step) {
        std::vector<uint8_t> exact(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(n));  // on the heap: overruns are seen
        LLVMFuzzerTestOneInput(exact.data(), exact.size());
      }
      std::vector<uint8_t> whole(all.begin(), all.end());
      LLVMFuzzerTestOneInput(whole.data(), whole.size());
    }
  }
  std::printf("%d seeds\n", seeds);
  return seeds > 0 ? 0 : 1;
}
