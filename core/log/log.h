// The application log and the access log. Asynchronous: bounded queues to one thread; when one is full its oldest lines
// are dropped and counted. Nothing is formatted that the level drops. [any thread]
//
// Without start(), and after stop(), lines are written at once by the caller: messages of the command line need no thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::log {

enum class Level : uint8_t { debug = 1, info, warning, error, critical, off };  // order of SLC_DEBUG…
std::string_view to_string(Level);

enum class Format : uint8_t {
  automatic,  // coloured text on a terminal, plain text elsewhere
  text,
  json,       // one object a line: time, level, message, place and whatever belongs
};

struct Record {
  Level level;
  int64_t unix_ns;
  std::string_view message;  // without control characters but tabs: what clients send cannot forge lines
};

// A replacement for the built-in output of the application log (sluice.log-sink/1).
struct Sink {
  void (*write)(void* context, const Record&) = nullptr;
  void (*flush)(void* context) = nullptr;
  void* context = nullptr;
};

struct Options {
  Format format = Format::automatic;
  Level level = Level::debug;  // logging.md §1
  size_t queue = 8192;         // lines that wait, per writing thread (and at most 1 MiB of text each)
  int output = 1;              // file descriptor of the built-in output; not closed
  // Keep what is said until configure() or restore() tell where it goes and what of it is dropped: lines of a start that the
  // configuration wants elsewhere (logging.md §2). Bounded; stop(), or a start that takes longer than 5 s, lets it out as it is.
  bool hold = false;
};

// Starts the logging thread; once, after daemonising. Lines to stdout: "2026/11/23 05:37:11 SLUICE DEBUG: message".
void start(const Options&);
// [any] The process is about to end: from now on the built-in output is given up, and what is left of the log dropped, when whoever
// reads it takes nothing for half a second; one line on stderr says so. Without this, lines wait for as long as it takes.
void ending();
// Writes what is queued and ends the thread.
void stop();
// Level and sink of the running configuration; the former sink is not called after this returns. A null sink: built-in.
// Waits for a write of the former sink that is under way, so a sink must not call this.
void configure(Level, Sink);
// Takes that back: the built-in output at the level that start() was given (without start(): debug).
void restore();

bool enabled(Level);
void write(Level, std::string_view message);

// Builds the text only when the level is on: SLC_LOG(info, "listening on ", port).
template <class... A>
void print(Level level, const A&... parts);

// One finished request (logging.md §5). Views are used before the call returns.
struct Access {
  int status = 0;
  uint64_t latency_ns = 0;
  std::string_view client_ip, method, target;  // target: decoded path, "?query"
  std::string_view error;                      // "Error #01: …" lines, empty when there are none
};
bool access_enabled();
void set_access(bool enabled);
void access(const Access&);

uint64_t dropped();  // lines lost to a full queue, since the start

namespace detail {
void append(std::string&, std::string_view);
void append(std::string&, int64_t);
void append(std::string&, uint64_t);
inline void append(std::string& s, int v) { append(s, static_cast<int64_t>(v)); }
inline void append(std::string& s, unsigned v) { append(s, static_cast<uint64_t>(v)); }
inline void append(std::string& s, uint16_t v) { append(s, static_cast<uint64_t>(v)); }
inline void append(std::string& s, char c) { s += c; }
}  // namespace detail

template <class... A>
void print(Level level, const A&... parts) {
  if (!enabled(level)) return;
  std::string text;
  (detail::append(text, parts), ...);
  write(level, text);
}

}  // namespace sluice::log

#define SLC_LOG(level_name, ...) ::sluice::log::print(::sluice::log::Level::level_name, __VA_ARGS__)
