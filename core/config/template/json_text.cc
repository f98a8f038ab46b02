// encoding/json as Go writes it: sorted keys, floats in short form, <, > and & escaped unless asked otherwise.
#include <cmath>

#include "core/config/template/format.h"

namespace sluice::config::tmpl {
namespace {

constexpr char kHex[] = "0123456789abcdef";

class Writer {
 public:
  Writer(bool escape_html, std::string_view indent) : escape_{escape_html}, indent_{indent} {}
  bool value(const Value& v, size_t depth) {
    if (depth > kMaxNesting || out.size() > Heap::kMost / 4) return false;
    switch (v.kind) {
      case Value::Kind::none: out += "null"; return true;
      case Value::Kind::boolean: out += v.boolean ? "true" : "false"; return true;
      case Value::Kind::integer:
      case Value::Kind::integer64:
      case Value::Kind::duration: out += std::to_string(v.integer); return true;
      case Value::Kind::real: return number(v.real);
      case Value::Kind::text: string(v.text); return true;
      case Value::Kind::time: {
        std::string t = time_text(v.integer);  // "2006-01-02 15:04:05 +0000 UTC"
        string(t.substr(0, 10) + "T" + t.substr(11, t.find(' ', 11) - 11) + "Z");
        return true;
      }
      case Value::Kind::list: {
        if (v.list->items.empty()) return out += "[]", true;
        out += '[';
        bool first = true;
        for (const Value& item : v.list->items) {
          if (!first) out += ',';
          first = false;
          line(depth + 1);
          if (!value(item, depth + 1)) return false;
        }
        line(depth);
        out += ']';
        return true;
      }
      case Value::Kind::map: {
        if (v.map->members.empty()) return out += "{}", true;
        out += '{';
        bool first = true;
        for (const auto& [key, member] : v.map->members) {
          if (!first) out += ',';
          first = false;
          line(depth + 1);
          string(key);
          out += indent_.empty() ? ":" : ": ";
          if (!value(member, depth + 1)) return false;
        }
        line(depth);
        out += '}';
        return true;
      }
    }
    return false;
  }
  std::string out;

 private:
  void line(size_t depth) {
    if (indent_.empty()) return;
    out += '\n';
    for (size_t i = 0; i < depth; ++i) out += indent_;
  }
  bool number(double d) {
    if (!std::isfinite(d)) return false;
    double a = std::fabs(d);
    if (a != 0 && (a < 1e-6 || a >= 1e21)) {
      std::string text = format_real(d, 'e', -1);
      // e-09 becomes e-9.
      if (size_t n = text.size(); n >= 4 && text[n - 4] == 'e' && text[n - 3] == '-' && text[n - 2] == '0') text.erase(n - 2, 1);
      out += text;
    } else {
      out += format_real(d, 'f', -1);
    }
    return true;
  }
  void string(std::string_view s) {
    out += '"';
    while (!s.empty()) {
      Rune r = rune_at(s);
      bool broken = r.code == 0xfffd && r.size == 1;
      switch (r.code) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
          if (broken) out += "\\ufffd";
          else if (r.code < 0x20 || (escape_ && (r.code == '<' || r.code == '>' || r.code == '&')))
            out += "\\u00", out += kHex[r.code >> 4], out += kHex[r.code & 15];
          else if (r.code == 0x2028 || r.code == 0x2029) out += r.code == 0x2028 ? "\\u2028" : "\\u2029";
          else out += s.substr(0, r.size);
      }
      s.remove_prefix(r.size);
    }
    out += '"';
  }

  bool escape_;
  std::string_view indent_;
};

}  // namespace

std::optional<std::string> json_text(const Value& v, bool escape_html, std::string_view indent) {
  Writer w{escape_html, indent};
  if (!w.value(v, 0)) return std::nullopt;
  return std::move(w.out);
}

}  // namespace sluice::config::tmpl
