// The request codec on arbitrary bytes: what it says must not depend on how they are split, and what it accepts must be sound.
// The first byte seeds the splits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/http/request_codec.h"

namespace {

using namespace sluice;
using namespace sluice::http;

void require(bool ok) {
  if (!ok) std::abort();
}

struct Outcome {
  int status = -1;
  std::string text, body;
  bool done = false, failed = false;
  bool operator==(const Outcome&) const = default;
};

// Requests in a row until one is refused or the bytes end. `seed` 0: in one piece.
std::vector<Outcome> read_all(const char* data, size_t size, uint32_t seed) {
  RequestLimits limits{.head_bytes = 2048, .fields = 16};
  std::vector<Outcome> all;
  BlockPool pool;
  Arena arena{pool};
  RequestHead head;
  HeadScanner scanner;
  BodyDecoder body;
  bool in_body = false;
  size_t begin = 0, end = 0;
  auto random = [&] { return seed = seed * 1664525 + 1013904223, seed >> 24; };
  while (end < size) {
    end = seed ? std::min(size, end + 1 + random() % 16) : size;
    while (begin < end) {
      // Exactly as many bytes as there are: reading beyond is seen by the sanitizer.
      std::vector<char> bytes(data + begin, data + end);
      if (!in_body) {
        auto step = scanner.scan(bytes.data(), bytes.size(), limits);
        if (step == HeadScanner::Step::more) break;
        Outcome& out = all.emplace_back();
        if (step != HeadScanner::Step::complete) {
          out.status = step == HeadScanner::Step::bad ? 400 : 431;
          return all;
        }
        require(scanner.size() <= bytes.size() && scanner.size() <= limits.head_bytes);
        std::string_view copy = arena.copy({bytes.data(), scanner.size()});
        out.status = parse_head(copy, scanner, arena, head);
        if (out.status != 0) return all;
        require(is_token(head.method) && !head.target.empty() && head.headers.size() == scanner.fields());
        require(!(head.chunked && head.content_length >= 0));
        for (const Header& h : head.headers) {
          require(is_token(h.name) && is_field_value(h.value));
          require(h.name.data() > copy.data() && h.name.data() + h.name.size() < copy.data() + copy.size());
        }
        out.text = std::string{head.method} + ' ' + std::string{head.path} + '?' + std::string{head.query} + ' ' + std::string{head.host};
        for (const Header& h : head.headers) out.text += "\n" + std::string{h.name} + ":" + std::string{h.value};
        if (head.chunked)
          body.chunked();
        else
          body.length(head.content_length > 0 ? static_cast<uint64_t>(head.content_length) : 0);
        begin += scanner.size();
        in_body = true;
      } else if (!body.done()) {
        Slice piece;
        size_t used = body.next(bytes.data(), bytes.size(), piece);
        require(used <= bytes.size() && (used > 0 || body.failed()));
        require(piece.empty() || (piece.data() >= bytes.data() && piece.data() + piece.size() <= bytes.data() + used));
        all.back().body += piece;
        begin += used;
        if (body.failed()) {
          all.back().failed = true;
          return all;
        }
      }
      if (in_body && body.done()) {
        all.back().done = true;
        in_body = false;
        scanner.reset();
        arena.reset();
      }
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const char* data = reinterpret_cast<const char*>(bytes) + 1;
  auto whole = read_all(data, size - 1, 0);
  require(read_all(data, size - 1, bytes[0] * 2654435761u | 1) == whole);
  return 0;
}
