// From an address to file and offset, for signal handlers: /proc/self/maps read with a fixed buffer. dladdr() takes the dynamic
// loader's lock, which the thread that crashed may hold.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::plugin::crash {

struct Frame {
  uint64_t address = 0;
  uint64_t base = 0;   // where the file's first part is mapped; address - base is what addr2line wants
  char name[80] = {};  // the file's last part, cut at the front if need be; "": unknown
  uint8_t length = 0;
  std::string_view file() const { return {name, length}; }
};

// Fills in `base` and `name`. Async-signal-safe.
void locate(Frame* frames, size_t count);

// The parts of one line of maps; false: it is none. For locate() and its test.
struct Mapping {
  uint64_t begin = 0, end = 0;
  std::string_view path;
};
bool parse_mapping(std::string_view line, Mapping* out);

}  // namespace sluice::plugin::crash
