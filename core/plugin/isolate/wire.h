// Values as bytes between the gateway and its helper processes, which are the same program on the same machine: numbers as
// they are in memory, texts with a length in front. The reader checks every length; it may be fed anything.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/document/builder.h"
#include "core/document/node.h"

namespace sluice::plugin::isolate {

// Appends to a buffer that the caller keeps and reuses.
class Writer {
 public:
  explicit Writer(std::string& out) : out_{&out} {}
  template <class T>
  void number(T v) {
    static_assert(std::is_arithmetic_v<T>);
    char bytes[sizeof v];
    std::memcpy(bytes, &v, sizeof v);
    out_->append(bytes, sizeof v);
  }
  void u8(uint8_t v) { number(v); }
  void u32(uint32_t v) { number(v); }
  void i32(int32_t v) { number(v); }
  void u64(uint64_t v) { number(v); }
  void text(std::string_view s) {
    u32(static_cast<uint32_t>(s.size()));
    out_->append(s);
  }
  // A document, token by token; expands what is deferred. `arena` null: a configuration tree. False: more than kMostValues.
  static constexpr uint32_t kMostValues = 4'000'000;
  bool tree(Arena* arena, document::Node& root);
  size_t size() const { return out_->size(); }

 private:
  std::string* out_;
};

// Reads what a Writer wrote. After anything that does not fit ok() is false and every further value is zero or empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_{bytes} {}
  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T v{};
    if (rest_.size() < sizeof v) return fail(), v;
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_.remove_prefix(sizeof v);
    return v;
  }
  uint8_t u8() { return number<uint8_t>(); }
  uint32_t u32() { return number<uint32_t>(); }
  int32_t i32() { return number<int32_t>(); }
  uint64_t u64() { return number<uint64_t>(); }
  // A view of the bytes that are read.
  std::string_view text() {
    uint32_t n = u32();
    if (n > rest_.size()) return fail(), std::string_view{};
    std::string_view s = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return s;
  }
  // How many elements follow; none has fewer than `least` bytes.
  uint32_t count(size_t least) {
    uint32_t n = u32();
    return n <= rest_.size() / least ? n : (fail(), 0);
  }
  // A document into `builder`, texts copied. False: broken, too deep, or more than Writer::kMostValues.
  bool tree(document::Builder& builder, document::Node* out);
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }
  void fail() { ok_ = false, rest_ = {}; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace sluice::plugin::isolate
