#include "core/plugin/metrics_text.h"

#include <charconv>
#include <cmath>
#include <map>
#include <set>

namespace sluice::plugin::metrics {
namespace {

std::string_view kind_name(Kind k) {
  switch (k) {
    case Kind::counter: return "counter";
    case Kind::gauge: return "gauge";
    case Kind::histogram: break;
  }
  return "histogram";
}

// [a-zA-Z_:][a-zA-Z0-9_:]*; the colon is left to those who write rules over metrics.
std::string sample_name(std::string_view given) {
  std::string out;
  for (char c : given) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_', digit = c >= '0' && c <= '9';
    if (digit && out.empty()) out += '_';
    out += letter || digit ? c : '_';
  }
  return out;
}

// Length of the UTF-8 sequence at the beginning; 0: it is none (RFC 3629 §4).
size_t utf8_length(std::string_view s) {
  const auto at = [&](size_t i) { return i < s.size() ? static_cast<uint8_t>(s[i]) : uint8_t{0}; };
  const uint8_t a = at(0), b = at(1);
  const auto follows = [](uint8_t c) { return (c & 0xc0) == 0x80; };
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a <= 0xdf) return follows(b) ? 2 : 0;
  if (a >= 0xe0 && a <= 0xef) {
    const bool narrow = (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f);
    return follows(b) && !narrow && follows(at(2)) ? 3 : 0;
  }
  if (a >= 0xf0 && a <= 0xf4) {
    const bool narrow = (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f);
    return follows(b) && !narrow && follows(at(2)) && follows(at(3)) ? 4 : 0;
  }
  return 0;
}

// The format is UTF-8; what plugins and configurations bring need not be.
void escape(std::string& out, std::string_view text, bool quotes) {
  while (!text.empty()) {
    const size_t n = utf8_length(text);
    if (n == 0) out += "\xef\xbf\xbd";  // U+FFFD
    else if (text[0] == '\\') out += "\\\\";
    else if (text[0] == '\n') out += "\\n";
    else if (text[0] == '"' && quotes) out += "\\\"";
    else out += text.substr(0, n);
    text.remove_prefix(n ? n : 1);
  }
}

std::string number(double d) {
  if (std::isnan(d)) return "NaN";
  if (std::isinf(d)) return d < 0 ? "-Inf" : "+Inf";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, d).ptr};
}

std::string value_of(const Snapshot& s) {
  if (s.definition->scale == 1) return std::to_string(s.value);
  // Division by a whole number is exact where multiplication with its inverse is not: 6.7781e-05, not 6.778100000000001e-05.
  return number(static_cast<double>(s.value) / std::round(1 / s.definition->scale));
}

// `plugin="acme.x",place="…"`, without braces.
std::string labels_of(const Snapshot& s) {
  std::string out;
  auto add = [&](std::string_view name, std::string_view value) {
    out.append(out.empty() ? "" : ",").append(name).append("=\"");
    escape(out, value, true);
    out += '"';
  };
  if (!s.definition->plugin.empty()) add("plugin", s.definition->plugin);
  for (const auto& [name, value] : s.labels) add(name, value);
  return out;
}

void put_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view value) {
  out.append(name).append(suffix);
  if (!labels.empty()) out.append("{").append(labels).append("}");
  out.append(" ").append(value).append("\n");
}

void histogram(std::string& out, std::string_view name, const std::string& labels, const Snapshot& s) {
  int64_t below = 0;
  for (size_t i = 0; i < s.buckets.size(); ++i) {
    below += s.buckets[i];
    const std::string bound = i < s.definition->bounds.size() ? number(s.definition->bounds[i]) : "+Inf";
    put_sample(out, name, "_bucket", labels + (labels.empty() ? "" : ",") + "le=\"" + bound + "\"", std::to_string(below));
  }
  put_sample(out, name, "_sum", labels, number(s.sum));
  put_sample(out, name, "_count", labels, std::to_string(below));
}

// What one name stands for.
struct Family {
  Kind kind = Kind::counter;
  std::string_view help;
  std::string samples;
  std::set<std::string, std::less<>> seen;  // labels
};

class Text {
 public:
  void add(const Snapshot& s) {
    const std::string labels = labels_of(s);
    const Kind kind = s.definition->kind;
    std::string name = sample_name(s.definition->name);
    while (!fits(name, kind, labels)) name.append("_").append(kind_name(kind));
    auto [it, added] = families_.try_emplace(name);
    Family& f = it->second;
    if (added) {
      order_.push_back(it);
      f.kind = kind;
      taken_.insert(name);
      if (kind == Kind::histogram)
        for (const char* suffix : {"_bucket", "_sum", "_count"}) taken_.insert(name + suffix);
    }
    if (f.help.empty()) f.help = s.definition->help;
    if (kind == Kind::histogram) histogram(f.samples, name, labels, s);
    else put_sample(f.samples, name, "", labels, value_of(s));
    f.seen.insert(labels);
  }

  std::string write() const {
    std::string out;
    for (const auto& it : order_) {
      if (!it->second.help.empty()) {
        out.append("# HELP ").append(it->first).append(" ");
        escape(out, it->second.help, false);
        out += '\n';
      }
      out.append("# TYPE ").append(it->first).append(" ").append(kind_name(it->second.kind)).append("\n");
      out += it->second.samples;
    }
    return out;
  }

 private:
  bool fits(const std::string& name, Kind kind, const std::string& labels) const {
    if (auto it = families_.find(name); it != families_.end()) return it->second.kind == kind && !it->second.seen.contains(labels);
    if (taken_.contains(name)) return false;
    if (kind == Kind::histogram)
      for (const char* suffix : {"_bucket", "_sum", "_count"})
        if (taken_.contains(name + suffix)) return false;
    return true;
  }

  std::map<std::string, Family> families_;
  std::vector<std::map<std::string, Family>::iterator> order_;
  std::set<std::string> taken_;  // names of samples
};

}  // namespace

std::string to_text(std::span<const Snapshot> all) {
  Text text;
  for (const Snapshot& s : all) text.add(s);
  return text.write();
}

}  // namespace sluice::plugin::metrics
