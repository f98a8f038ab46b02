// How lines look. Pure functions and one object for the time stamps; used by the logging thread only, or under a lock.
#pragma once
#include <spdlog/pattern_formatter.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/log/log.h"

namespace sluice::log {

// Go's text of a duration ("43.6µs", "1m2.5s"): the access log's readers expect it.
void append_duration(std::string&, uint64_t ns);
// Characters in double quotes as Go's %q writes them: no control character leaves, so no client can forge a line.
void append_quoted(std::string&, std::string_view);
// Message text for a plain line: control characters but tab become \n, \x1b…; the rest as it is.
void append_printable(std::string&, std::string_view);
// JSON string with quotes. Bytes that are not UTF-8 become U+FFFD (RFC 8259 §8.1).
void append_json_string(std::string&, std::string_view);

class Formatter {
 public:
  enum class Style : uint8_t { plain, colour, json };
  explicit Formatter(Style style);
  // One line, with its line feed.
  void message(std::string&, Level, int64_t unix_ns, std::string_view text);
  void access(std::string&, int64_t unix_ns, const Access&);

 private:
  void time(std::string&, spdlog::pattern_formatter&, int64_t unix_ns);
  Style style_;
  // spdlog keeps the broken-down local time of the current second.
  spdlog::pattern_formatter message_time_, access_time_, json_time_;
  spdlog::memory_buf_t buffer_;
};

}  // namespace sluice::log
