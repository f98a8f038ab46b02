// The head of an HTTP/1 response as bytes, with plain copies into the arena.
#pragma once
#include <cstdint>
#include <string_view>

#include "core/base/arena.h"
#include "core/http/message.h"

namespace sluice::http {

enum class BodyKind : uint8_t {
  none,         // HEAD, 204, 304: a head only
  length,       // Content-Length
  chunked,      // HTTP/1.1, length unknown
  until_close,  // HTTP/1.0, length unknown
};

struct ResponsePlan {
  uint8_t minor = 1;           // of the request; the status line repeats it
  BodyKind kind = BodyKind::length;
  int64_t length = -1;         // with none: for a HEAD response without a Content-Length of its own; -1: say nothing
  bool allow_length = true;    // false for 204 (RFC 9110 §8.6)
  bool keep_alive = true;
  size_t first_chunk = 0;      // chunked: size line of the bytes that follow the head in the same write; 0: none
};

// RFC 9110 §6.4.1: no body whatever the fields say.
inline bool status_has_no_body(int status) { return status == 204 || status == 304 || (status >= 100 && status < 200); }

// In the arena. Hop-by-hop fields, framing fields and fields with control characters are left out; `date` is added when the
// fields have none.
std::string_view write_response_head(Arena&, const ResponseHead&, const ResponsePlan&, std::string_view date);

// "1a2b\r\n" at `out`, at most 18 bytes. The end.
char* write_chunk_size(char* out, size_t n);

}  // namespace sluice::http
