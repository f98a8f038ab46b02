// Decoding of one HTTP/1.1 response after another from the bytes of a connection. Knows no socket: bytes in, events out.
#pragma once
#include <llhttp.h>

#include <cstdint>
#include <utility>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/http/request_codec.h"

namespace sluice::http {

// Watches the raw bytes of a head for what llhttp in its loose mode lets pass: a bare CR or LF and folded lines (RFC 9112
// §2.2, §5.2: smuggling), and finds where the head ends, so that llhttp always sees a head in one piece.
class ResponseHeadScanner {
 public:
  enum class State : uint8_t { first, line_start, line, cr, empty_cr, done, bad };
  void reset() { state_ = State::first; }
  // Bytes used: all, or up to and with the end of the head (done()), or up to the fault (bad()).
  size_t scan(const char* data, size_t size);
  bool done() const { return state_ == State::done; }
  bool bad() const { return state_ == State::bad; }

 private:
  State state_ = State::first;
};

// The head is llhttp's work; a body is not: llhttp's loose mode does not look at the line end behind a chunk.
// All events of one feed() are collected, so that whoever receives them may do anything (hot-path.md: no callback runs
// inside llhttp). Small chunks are moved together in the fed buffer: a chunked body is few slices, and their number is
// bounded.
class ResponseCodec {
 public:
  static constexpr uint32_t kMaxSlices = 64;
  static constexpr uint32_t kMaxInterim = 8;        // 1xx responses before the final one
  static constexpr uint32_t kMaxFields = 8192;

  struct Batch {
    ResponseHead head;         // meaningful when has_head
    Slice slices[kMaxSlices];  // into the fed buffer
    uint32_t count = 0;
    bool has_head = false;
    size_t extra = 0;          // bytes behind the end of the response
    Slices body() const { return {slices, count}; }
    void clear() { count = 0, has_head = false, extra = 0; }
  };
  enum class Status : uint8_t { more, done, failed };

  // Ready for the response to the next request. head_method: it has no body whatever it says (RFC 9110 §9.3.2).
  void reset(bool head_method, uint32_t max_header_bytes);
  // Decodes; changes bytes of `data`. The head's views point into `data`, or into `arena` when the head came in several
  // feeds. After done or failed: only reset().
  Status feed(Arena& arena, char* data, size_t size, Batch&);
  // End of file. done: a body that lasts until the connection closes. failed: truncated, or no response at all.
  Status finish();

  // A "100 Continue" came since this was asked last.
  bool take_continue() { return std::exchange(continue_, false); }
  bool started() const { return started_; }      // any byte of a response came, an interim one included
  bool head_seen() const { return phase_ != Phase::head; }
  bool keep_alive() const { return keep_alive_; }  // the connection may carry another request; after done
  bool until_close() const { return phase_ == Phase::until_close; }
  // Bytes of an announced length still to come; 0 for all other bodies.
  uint64_t body_remaining() const { return phase_ == Phase::length ? static_cast<uint64_t>(body_.remaining()) : 0; }
  Errc code() const { return code_; }             // after failed
  const char* reason() const { return reason_; }  // static text; after failed

 private:
  enum class Phase : uint8_t { head, length, chunked, until_close, done, failed };
  struct Events;
  Status fail(Errc code, const char* reason);
  void join(Arena& arena, const char* data, size_t size);
  Status parse_head(Arena& arena, char* data, size_t size, Batch&);
  const char* frame(ResponseHead&);
  static void add(Batch&, Slice piece);

  llhttp_t parser_;
  BodyDecoder body_;
  Batch* batch_ = nullptr;  // during feed()
  char* joined_ = nullptr;  // a head that comes in pieces; in the call's arena
  uint32_t joined_size_ = 0, joined_room_ = 0;
  uint32_t max_header_bytes_ = 0;
  const char* reason_ = "";
  ResponseHeadScanner scanner_;
  Phase phase_ = Phase::head;
  Errc code_ = Errc::none;
  uint8_t interim_ = 0;
  bool continue_ = false;
  bool head_method_ = false, started_ = false, keep_alive_ = false, complete_ = false;
};

}  // namespace sluice::http
