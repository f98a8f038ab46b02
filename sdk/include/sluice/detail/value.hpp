// Part of sluice/plugin.hpp: reading and building documents.
#ifndef SLUICE_DETAIL_VALUE_HPP
#define SLUICE_DETAIL_VALUE_HPP
#include "sluice/detail/base.hpp"

namespace sluice {
inline namespace SLUICE_PLUGIN_NAMESPACE {

// A value of a document: of the configuration ([any] thread, as long as the generation) or of an exchange ([worker], until
// the hook returns). A copyable handle; absent values answer every question with "no".
class Value {
 public:
  Value() = default;
  Value(slc_node node, const slc_document_api* api) : node_{node}, api_{api} {}

  bool present() const { return node_.p != nullptr; }
  explicit operator bool() const { return present(); }
  int32_t kind() const { return present() ? api_->kind(node_) : static_cast<int32_t>(SLC_NULL); }
  bool is_null() const { return kind() == SLC_NULL; }
  bool is_bool() const { return kind() == SLC_BOOL; }
  bool is_number() const { return kind() == SLC_NUMBER; }
  bool is_string() const { return kind() == SLC_STRING; }
  bool is_array() const { return kind() == SLC_ARRAY; }
  bool is_object() const { return kind() == SLC_OBJECT; }

  std::optional<int64_t> as_int() const {
    int64_t out = 0;
    if (!present() || api_->as_int(node_, &out) != SLC_OK) return std::nullopt;
    return out;
  }
  std::optional<double> as_double() const {
    double out = 0;
    if (!present() || api_->as_double(node_, &out) != SLC_OK) return std::nullopt;
    return out;
  }
  std::optional<bool> as_bool() const {
    int32_t out = 0;
    if (!present() || api_->as_bool(node_, &out) != SLC_OK) return std::nullopt;
    return out != 0;
  }
  // A string's characters, a number's text as written; else absent.
  std::string_view text() const { return present() ? view(api_->text(node_)) : std::string_view{}; }

  uint32_t size() const { return present() ? api_->count(node_) : 0; }
  Value operator[](std::string_view key) const { return present() ? Value{api_->find(node_, str(key)), api_} : Value{}; }
  Value at(uint32_t i, std::string_view* key = nullptr) const {
    if (!present()) return {};
    slc_str k{nullptr, 0};
    const Value out{api_->at(node_, i, &k), api_};
    if (key) *key = view(k);
    return out;
  }
  // f(key, value) for members, f(index, value) for elements, in document order.
  template <class F>
  void each(F&& f) const {
    const uint32_t n = size();
    for (uint32_t i = 0; i < n; ++i) {
      std::string_view key;
      const Value v = at(i, &key);
      if constexpr (std::is_invocable_v<F&, std::string_view, Value>) f(key, v);
      else f(i, v);
    }
  }
  // Takes a member out. Handles of its siblings are invalid afterwards.
  Status erase(std::string_view key) { return {present() ? api_->erase(node_, str(key)) : static_cast<slc_status>(SLC_ENOTFOUND)}; }
  // Source text in `format`, if nobody changed the value since it was decoded.
  std::string_view source(std::string_view format) const {
    return present() ? view(api_->source(node_, str(format))) : std::string_view{};
  }

  slc_node handle() const { return node_; }
  const slc_document_api* api() const { return api_; }

 private:
  slc_node node_{nullptr, 0};
  const slc_document_api* api_ = nullptr;
};

// Builds a document token by token. A call that does not fit spoils the whole document; ok() tells.
class Builder {
 public:
  Builder(slc_builder* b, const slc_document_api* api) : builder_{b}, api_{api} {}

  Builder& begin_object() { return note(api_->begin(builder_, SLC_OBJECT)); }
  Builder& begin_array() { return note(api_->begin(builder_, SLC_ARRAY)); }
  Builder& end() { return note(api_->end(builder_)); }
  Builder& key(std::string_view k) { return note(api_->key(builder_, str(k))); }
  Builder& string(std::string_view s) { return note(api_->string(builder_, str(s))); }
  // Not copied: s must live as long as the exchange.
  Builder& string_stable(std::string_view s) { return note(api_->string_stable(builder_, str(s))); }
  Builder& number_text(std::string_view s) { return note(api_->number_text(builder_, str(s))); }
  Builder& integer(int64_t n) { return note(api_->integer(builder_, n)); }
  Builder& number(double d) { return note(api_->number(builder_, d)); }
  Builder& boolean(bool b) { return note(api_->literal(builder_, SLC_BOOL, b ? 1 : 0)); }
  Builder& null() { return note(api_->literal(builder_, SLC_NULL, 0)); }
  Builder& copy(Value v) { return note(api_->copy(builder_, v.handle())); }
  Builder& deferred(int32_t kind, std::string_view text) { return note(api_->deferred(builder_, kind, str(text))); }
  Builder& deferred_member(std::string_view k, std::string_view member, int32_t kind, std::string_view value) {
    return note(api_->deferred_member(builder_, str(k), str(member), kind, str(value)));
  }
  // Arena memory of the document; nullptr when there is none left.
  char* alloc(size_t size) { return static_cast<char*>(api_->alloc(builder_, size)); }

  bool ok() const { return status_ == SLC_OK; }
  Status status() const { return {status_}; }  // of the first call that was refused
  slc_builder* handle() const { return builder_; }
  const slc_document_api* api() const { return api_; }

 private:
  Builder& note(slc_status s) {
    if (status_ == SLC_OK) status_ = s;
    return *this;
  }
  slc_builder* builder_;
  const slc_document_api* api_;
  slc_status status_ = SLC_OK;
};

// Appends s as a JSON string with its quotes. Bytes from 0x80 on are passed on as they are.
inline void append_json_string(std::string& out, std::string_view s) {
  out += '"';
  for (const char c : s) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char hex[] = "0123456789abcdef";
          out += "\\u00";
          out += hex[(c >> 4) & 15];
          out += hex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// Appends the value as compact JSON; numbers keep their text. Depth is bounded by the host's limit on documents.
inline void append_json(std::string& out, Value v) {
  bool first = true;
  switch (v.kind()) {
    case SLC_BOOL: out += *v.as_bool() ? "true" : "false"; break;
    case SLC_NUMBER: out += v.text(); break;
    case SLC_STRING: append_json_string(out, v.text()); break;
    case SLC_ARRAY:
      out += '[';
      v.each([&](uint32_t, Value e) {
        if (!std::exchange(first, false)) out += ',';
        append_json(out, e);
      });
      out += ']';
      break;
    case SLC_OBJECT:
      out += '{';
      v.each([&](std::string_view key, Value e) {
        if (!std::exchange(first, false)) out += ',';
        append_json_string(out, key);
        out += ':';
        append_json(out, e);
      });
      out += '}';
      break;
    default: out += "null";
  }
}

}  // namespace SLUICE_PLUGIN_NAMESPACE
}  // namespace sluice
#endif
