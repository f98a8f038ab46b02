#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#include <toml++/toml.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <sstream>

#include "core/config/formats.h"
#include "core/config/report.h"

namespace sluice::config {
namespace {

namespace json = boost::json;

// The library bounds the nesting of values, not that of dotted keys: a.b.c… would be objects as deep as the file is long.
std::optional<size_t> too_many_dots(std::string_view text) {
  size_t dots = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"' || c == '\'') {
      size_t end = i + 1;
      while (end < text.size() && text[end] != c && text[end] != '\n') end += text[end] == '\\' && c == '"' ? 2 : 1;
      if (end < text.size() && text[end] == c) i = end;
    } else if (c == '.') {
      if (++dots > kMaxDepth) return i;
    } else if (c != ' ' && c != '\t' && c != '-' && c != '_' && !(c >= '0' && c <= '9') && !((c | 32) >= 'a' && (c | 32) <= 'z')) {
      dots = 0;
    }
  }
  return std::nullopt;
}

class Converter {
 public:
  Converter(const LineStarts& lines, SyntaxFault& fault, Positions* positions) : lines_{lines}, fault_{fault}, positions_{positions} {}

  bool value(const toml::node& n, json::value& out, const std::string& pointer, size_t depth) {
    if (depth > kMaxDepth) return fail(n.source(), "objects and lists are nested deeper than " + std::to_string(kMaxDepth));
    if (const toml::table* table = n.as_table()) {
      json::object& object = out.emplace_object();
      for (auto&& [key, member] : *table) {
        std::string here = positions_ ? join(pointer, key.str()) : std::string{};
        place(here, key.source());
        if (!value(member, object[key.str()], here, depth + 1)) return false;
      }
      return true;
    }
    if (const toml::array* array = n.as_array()) {
      json::array& list = out.emplace_array();
      for (const toml::node& item : *array) {
        std::string here = positions_ ? join(pointer, list.size()) : std::string{};
        place(here, item.source());
        if (!value(item, list.emplace_back(nullptr), here, depth + 1)) return false;
      }
      return true;
    }
    if (auto* s = n.as_string()) {
      out = json::string{s->get()};
    } else if (auto* i = n.as_integer()) {
      out = i->get();
    } else if (auto* d = n.as_floating_point()) {
      if (!std::isfinite(d->get())) return fail(n.source(), "a configuration has no such number");
      out = d->get();
    } else if (auto* b = n.as_boolean()) {
      out = b->get();
    } else {
      std::ostringstream text;
      if (auto* date = n.as_date()) text << date->get();
      else if (auto* time = n.as_time()) text << time->get();
      else if (auto* both = n.as_date_time()) text << both->get();
      out = json::string{text.str()};
    }
    return true;
  }

  bool fail(const toml::source_region& where, std::string message) {
    fault_ = {offset(where), std::move(message)};
    return false;
  }

 private:
  size_t offset(const toml::source_region& where) const {
    auto from_zero = [](auto n) { return n > 0 ? static_cast<size_t>(n) - 1 : size_t{0}; };
    return lines_.offset(from_zero(where.begin.line), from_zero(where.begin.column));
  }
  void place(const std::string& pointer, const toml::source_region& where) {
    if (positions_ && where.begin.line > 0) positions_->insert_or_assign(pointer, offset(where));
  }

  const LineStarts& lines_;
  SyntaxFault& fault_;
  Positions* positions_;
};

}  // namespace

std::optional<json::value> parse_toml(std::string_view text, SyntaxFault& fault, Positions* positions) {
  if (auto dot = too_many_dots(text)) {
    fault = {*dot, "a key has more than " + std::to_string(kMaxDepth) + " parts"};
    return std::nullopt;
  }
  LineStarts lines{text};
  Converter converter{lines, fault, positions};
  toml::parse_result result = toml::parse(text);
  if (!result) {
    converter.fail(result.error().source(), std::string{result.error().description()});
    return std::nullopt;
  }
  json::value out;
  if (!converter.value(result.table(), out, "", 0)) return std::nullopt;
  return out;
}

}  // namespace sluice::config
