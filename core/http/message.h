// HTTP messages as views. Views point into the exchange's arena (RequestHead) or, where a comment says so, into a
// worker's read block.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/text.h"

namespace sluice::http {

struct Header {
  std::string_view name;   // as received or as to be sent
  std::string_view value;  // without surrounding white space
};

// Ordered, case-insensitive, repeats kept. Storage in an arena; values are not copied.
class Headers {
 public:
  Headers() = default;
  explicit Headers(Arena& arena) : list_{arena} {}
  void bind(Arena& arena) { list_.bind(arena); }
  void reserve(uint32_t n) { list_.reserve(n); }
  uint32_t size() const { return list_.size(); }
  const Header* begin() const { return list_.begin(); }
  const Header* end() const { return list_.end(); }
  Header& operator[](uint32_t i) { return list_[i]; }
  const Header& operator[](uint32_t i) const { return list_[i]; }
  const Header* find(std::string_view name, uint32_t nth = 0) const {
    for (const Header& h : list_)
      if (h.name.size() == name.size() && iequals(h.name, name) && nth-- == 0) return &h;
    return nullptr;
  }
  std::string_view get(std::string_view name) const {
    const Header* h = find(name);
    return h ? h->value : std::string_view{};
  }
  void add(std::string_view name, std::string_view value) { list_.push({name, value}); }
  void set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
  }
  void remove(std::string_view name) {
    for (uint32_t i = list_.size(); i-- > 0;)
      if (iequals(list_[i].name, name)) list_.erase_at(i);
  }
  void remove_at(uint32_t i) { list_.erase_at(i); }

 private:
  ArenaVector<Header> list_;
};

struct RequestHead {
  std::string_view method;     // as received: methods are case-sensitive (RFC 9110 §9.1)
  std::string_view target;     // as received
  std::string_view path;       // of the target, still percent-encoded; "/" for an empty one; "*" for OPTIONS *
  std::string_view query;      // without '?'
  bool has_query = false;      // a '?' was there
  std::string_view host;       // Host field, or the authority of an absolute-form target (RFC 9112 §3.2.2)
  uint8_t minor = 1;           // HTTP/1.minor
  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  int64_t content_length = -1; // -1: none given
  bool has_body() const { return chunked || content_length > 0; }
  Headers headers;
};

struct ResponseHead {
  int status = 200;
  std::string_view reason{};   // empty: the standard phrase when written
  uint8_t minor = 1;
  Headers headers;
  int64_t content_length = -1; // -1: chunked or until the connection closes
  bool chunked = false;
  bool no_body = false;        // HEAD, 204, 304: whatever the headers say
};

// A piece of a body.
using Slice = std::string_view;
using Slices = std::span<const Slice>;
inline size_t total_size(Slices s) {
  size_t n = 0;
  for (Slice v : s) n += v.size();
  return n;
}

std::string_view reason_phrase(int status);  // RFC 9110 §15; "Unknown" for others

// Hop-by-hop fields of RFC 9110 §7.6.1 (and Keep-Alive, Proxy-Connection, Proxy-Authenticate, Proxy-Authorization, TE,
// Trailer, Transfer-Encoding, Upgrade): never forwarded (deviation 29).
bool is_hop_by_hop(std::string_view name);

// RFC 9110 §9.2.2: sent twice it does what it does when sent once.
inline bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" || method == "TRACE";
}

}  // namespace sluice::http
