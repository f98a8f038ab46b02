// Just enough HTTP/1.1 for a judge: reads messages from a wire, keeps everything as received, repairs nothing.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/wire.h"

namespace sluice::test {

// Header fields in the order received, names as spelled by the sender.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> list) : list_(list) {}
  void add(std::string name, std::string value) { list_.emplace_back(std::move(name), std::move(value)); }
  // The first value, "" if there is none.
  std::string get(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) > 0; }
  size_t count(std::string_view name) const;
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> list_;
};

bool same_name(std::string_view a, std::string_view b);  // ASCII, any case
std::string lower(std::string_view);

struct Head {
  std::string first_line;  // without its CR LF
  Headers headers;
};

struct Response {
  int status = 0;
  std::string reason;
  Headers headers;
  std::string body;
  bool truncated = false;  // the body ended before its announced end
  bool closing = false;    // nothing more will come on this connection
  std::string header(std::string_view name) const { return headers.get(name); }
};

// Buffered reading from a wire.
class Reader {
 public:
  explicit Reader(Wire& wire) : wire_(&wire) {}
  // Lines may end in LF alone. nullopt: the stream ended before the first byte. Throws ConnectionLost when it ended inside.
  std::optional<std::string> line(Limit limit = kLimit);
  std::optional<Head> head(Limit limit = kLimit);
  // At most `most` bytes, as soon as there are some; "" at the end of the stream.
  std::string some(size_t most, Limit limit = kLimit);
  std::string all(Limit limit = kLimit);  // until the stream ends
  const std::string& buffered() const { return buffer_; }

 private:
  bool fill(Limit limit);
  Wire* wire_;
  std::string buffer_;
};

// The body of one message, piece by piece.
class BodyReader {
 public:
  static BodyReader none();
  static BodyReader length(uint64_t n);
  static BodyReader chunked();
  static BodyReader until_close();
  static BodyReader of_request(const Head& head);
  static BodyReader of_response(const Head& head, int status, std::string_view method);

  // The next bytes; "" at the end. Throws ConnectionLost when the stream ends too early, also for a broken chunk.
  std::string next(Reader& reader, Limit limit = kLimit);
  bool done() const { return done_; }
  bool until_closed() const { return kind_ == Kind::until_close; }

 private:
  enum class Kind { length, chunked, until_close };
  Kind kind_ = Kind::length;
  uint64_t left_ = 0;
  bool done_ = false;
  bool in_chunk_ = false;
};

// A whole response. 100 Continue is skipped; a body that ends too early gives `truncated`, a reset throws.
Response read_response(Reader& reader, std::string_view method = "GET", Limit limit = kLimit);
int status_of(const Head& head);  // throws Failure if the first line is no status line
bool will_close(const Head& head);

}  // namespace sluice::test
