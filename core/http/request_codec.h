// HTTP/1 requests from bytes, without sockets: where a head ends, what it says, and its body. Refuses everything that two
// parsers could read differently (RFC 9112 §11.2; deviation 30). Results do not depend on how the bytes were split.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/arena.h"
#include "core/http/message.h"

namespace sluice::http {

struct RequestLimits {
  size_t head_bytes = (1 << 20) + 4096;  // request line and fields; at most 1 GiB
  uint32_t fields = 1000;
};

// Finds the end of a head in bytes that grow. The bytes before what scan() has seen must stay the same, but may move.
class HeadScanner {
 public:
  enum class Step : uint8_t {
    more,       // no complete head yet
    complete,   // size() bytes are a head
    bad,        // bare CR or LF, control character, folded line, empty first line
    too_large,  // more bytes or fields than the limits allow
  };
  Step scan(const char* data, size_t size, const RequestLimits&);
  void reset() { *this = {}; }
  size_t size() const { return position_; }              // the closing empty line included
  size_t request_line() const { return request_line_; }  // without its CRLF
  uint32_t fields() const { return lines_ - 1; }

 private:
  uint32_t position_ = 0, line_start_ = 0, request_line_ = 0, lines_ = 0;
};

// Reads a complete head that `scanner` has found; `head` and what it points to live in the arena. 0, or the status that
// refuses the request: 400, 501, 505, and 417 for an unknown expectation (then `out` is filled and the framing is sound).
int parse_head(std::string_view head, const HeadScanner& scanner, Arena&, RequestHead& out);

// For a head that came otherwise, with method, target and fields filled: reads the rest out of them and refuses what
// parse_head refuses. Its answers are the same.
int check_head(RequestHead&);

// Undoes the framing of a body. Pieces are views of the input.
class BodyDecoder {
 public:
  static constexpr uint32_t kMaxChunkLine = 4096;       // size and extensions
  static constexpr uint32_t kMaxTrailer = 16 * 1024;    // all trailer fields; they are dropped (RFC 9110 §6.5.1)
  static constexpr uint32_t kMaxOverhead = 64 * 1024;   // framing beyond what chunks of a few bytes need

  void none() { *this = {}; }
  void length(uint64_t n) { none(), remaining_ = n, state_ = n ? State::length : State::done; }
  void chunked() { none(), state_ = State::size_first; }
  // Consumes bytes up to and including one piece of data; 0 < result <= size unless done() or failed(). `piece` may stay
  // empty.
  size_t next(const char* data, size_t size, Slice& piece);
  bool done() const { return state_ == State::done; }
  bool failed() const { return state_ == State::failed; }
  // Bytes still to come, -1: unknown.
  int64_t remaining() const {
    return state_ == State::length ? static_cast<int64_t>(remaining_) : state_ == State::done ? 0 : -1;
  }

 private:
  enum class State : uint8_t {
    done, failed, length,
    size_first, size, blank, extension, size_lf, data, data_cr, data_lf,
    trailer_start, trailer, trailer_lf, end_lf,
  };
  bool step(unsigned char);
  uint64_t remaining_ = 0;   // of the body, or of the chunk
  uint32_t line_ = 0;        // bytes of the chunk line, or of all trailer lines
  uint32_t overhead_ = 0;
  State state_ = State::done;
};

}  // namespace sluice::http
