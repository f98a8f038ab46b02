#include "encode.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "../shared/utf8.h"

namespace sluice::xml {

namespace {

bool attribute(std::string_view key) { return key.size() > 1 && key[0] == '-'; }

// Characters that XML cannot hold at all (XML 1.0 §2.2) become U+FFFD, as bytes that are no UTF-8 do.
void put_text(std::string& out, std::string_view s) {
  for (size_t n; !s.empty(); s.remove_prefix(n)) {
    char32_t c = 0;
    n = utf8::decode(s, &c);
    bool writable = n && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r') && c != 0xfffe && c != 0xffff;
    n = n ? n : 1;
    if (!writable) out += utf8::kReplacement;
    else if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else if (c == '\'') out += "&apos;";
    else out += s.substr(0, n);
  }
}

// False: no scalar.
bool put_scalar(std::string& out, Value v) {
  switch (v.kind()) {
    case SLC_STRING: return put_text(out, v.text()), true;
    case SLC_NUMBER: return out += v.text(), true;
    case SLC_BOOL: return out += *v.as_bool() ? "true" : "false", true;
    default: return false;
  }
}

// A document may be 10,000 levels deep: no recursion.
class Writer {
 public:
  explicit Writer(std::string& out) : out_{out} {}

  bool run(Value data) {
    if (!begin(data)) return false;
    while (!open_.empty()) {
      Frame& f = open_.back();
      if (f.at == f.end) {
        if (!f.array) close(f.name);
        members_.resize(f.base);
        open_.pop_back();
      } else if (f.array) {
        if (!element(f.name, f.list.at(static_cast<uint32_t>(f.at++)))) return false;
      } else {
        auto [key, value] = members_[f.at++];
        if (!element(key, value)) return false;
      }
    }
    return true;
  }

 private:
  using Member = std::pair<std::string_view, Value>;
  struct Frame {
    std::string_view name;
    Value list;           // of an array
    size_t base, at, end;  // base: size of members_ before
    bool array;
  };

  // One top-level key is the root element; its array of objects gives several.
  bool begin(Value data) {
    if (!data.is_object() || data.size() != 1) return element("doc", data.is_null() ? Value{} : data);
    std::string_view key;
    Value only = data.at(0, &key);
    bool mixed = false;
    if (only.is_array()) only.each([&](uint32_t, Value v) { mixed = mixed || !v.is_object(); });
    return mixed ? element("doc", data) : element(key, only);
  }
  void close(std::string_view name) {
    out_ += "</";
    out_ += name;
    out_ += '>';
  }
  bool element(std::string_view name, Value v) {
    if (v.is_array() && v.size()) {
      open_.push_back({name, v, members_.size(), 0, v.size(), true});
      return true;
    }
    out_ += '<';
    out_ += name;
    if (v.is_object()) return content(name, v);
    if (v.is_null() || v.is_array() || (v.is_string() && v.text().empty())) return out_ += "/>", true;
    out_ += '>';
    put_scalar(out_, v);
    close(name);
    return true;
  }
  // Attributes and what follows them; "<name" is written.
  bool content(std::string_view name, Value object) {
    size_t base = members_.size();
    object.each([&](std::string_view key, Value v) { members_.emplace_back(key, v); });
    auto begin = members_.begin() + static_cast<std::ptrdiff_t>(base);
    std::stable_sort(begin, members_.end(), [](const Member& a, const Member& b) { return a.first < b.first; });
    size_t kept = base, texts = 0;
    for (size_t i = base; i < members_.size(); ++i) {
      Member m = members_[i];
      if (i + 1 < members_.size() && members_[i + 1].first == m.first) continue;  // the last one wins
      if (attribute(m.first)) {
        out_ += ' ';
        out_ += m.first.substr(1);
        out_ += "=\"";
        if (!put_scalar(out_, m.second)) return false;
        out_ += '"';
        continue;
      }
      texts += m.first == "#text";
      members_[kept++] = m;
    }
    members_.resize(kept);
    if (kept == base) return out_ += "/>", true;
    if (texts) {
      Value text = members_[base].second;
      out_ += '>';
      if (kept - base > 1 || (!put_scalar(out_, text) && !text.is_null())) return false;
      close(name);
      members_.resize(base);
      return true;
    }
    out_ += '>';
    open_.push_back({name, {}, base, base, kept, false});
    return true;
  }

  std::string& out_;
  std::vector<Member> members_;
  std::vector<Frame> open_;
};

}  // namespace

bool render(Value data, std::string* out) {
  out->clear();
  if (Writer{*out}.run(data)) return true;
  out->clear();
  return false;
}

Status encode(Exchange x, Value data) {
  std::string out;
  if (render(data, &out)) return x.append_body(out);
  x.log(Level::warning, "the answer has no form in XML: an attribute is no scalar, or #text stands beside elements");
  return {SLC_OK};
}

}  // namespace sluice::xml
