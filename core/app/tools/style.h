// Colours for what commands print, when it goes to a terminal that wants them.
#pragma once
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace sluice::app {

inline bool coloured(int fd) {
  const char* no = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(fd) && (!no || !*no) && term && std::string_view{term} != "dumb";
}

// `colour`: an SGR code, "31" is red.
inline std::string painted(std::string_view text, std::string_view colour, int fd) {
  if (!coloured(fd)) return std::string{text};
  return "\x1b[" + std::string{colour} + "m" + std::string{text} + "\x1b[0m";
}

}  // namespace sluice::app
