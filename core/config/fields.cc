#include "core/config/fields.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/base/text.h"
#include "core/config/reader.h"

namespace sluice::config {
namespace {

namespace json = boost::json;

std::string number_text(double d) {
  // As the reference turns a number into a text: plain digits, never an exponent. 1e308 has 309 of them.
  char buffer[400];
  auto [end, ec] = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed);
  return ec == std::errc{} ? std::string{buffer, end} : std::to_string(d);
}

std::optional<std::string> weak_text(const json::value& v) {
  switch (v.kind()) {
    case json::kind::string: return std::string{v.get_string()};
    case json::kind::bool_: return v.get_bool() ? "1" : "0";
    case json::kind::int64: return std::to_string(v.get_int64());
    case json::kind::uint64: return std::to_string(v.get_uint64());
    case json::kind::double_: return number_text(v.get_double());
    default: return std::nullopt;
  }
}

std::optional<int64_t> integer_of(double d) {
  d = std::trunc(d);
  if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0)) return std::nullopt;
  return static_cast<int64_t>(d);
}

// Go's integer literals: sign, 0x, 0o, 0b, or a leading zero for octal.
std::optional<int64_t> integer_of(std::string_view s) {
  if (s.empty()) return 0;
  bool negative = s[0] == '-';
  if (s[0] == '-' || s[0] == '+') s.remove_prefix(1);
  int base = 10;
  if (s.size() > 1 && s[0] == '0') {
    char kind = lower(s[1]);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    s.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  uint64_t magnitude = 0;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), magnitude, base);
  if (s.empty() || ec != std::errc{} || end != s.data() + s.size() || s[0] == '-') return std::nullopt;
  if (magnitude > static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0)) return std::nullopt;
  return negative ? static_cast<int64_t>(0 - magnitude) : static_cast<int64_t>(magnitude);
}

std::optional<int64_t> weak_integer(const json::value& v) {
  switch (v.kind()) {
    case json::kind::string: return integer_of(std::string_view{v.get_string()});
    case json::kind::bool_: return v.get_bool() ? 1 : 0;
    case json::kind::int64: return v.get_int64();
    case json::kind::uint64: return std::nullopt;
    case json::kind::double_: return integer_of(v.get_double());
    default: return std::nullopt;
  }
}

std::optional<bool> weak_flag(const json::value& v) {
  switch (v.kind()) {
    case json::kind::bool_: return v.get_bool();
    case json::kind::int64: return v.get_int64() != 0;
    case json::kind::uint64: return true;
    case json::kind::double_: return v.get_double() != 0;
    case json::kind::string: {
      std::string_view s = v.get_string();
      for (std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
        if (s == yes) return true;
      for (std::string_view no : {"", "0", "f", "F", "FALSE", "false", "False"})
        if (s == no) return false;
      return std::nullopt;
    }
    default: return std::nullopt;
  }
}

const json::value& empty_object() {
  static const json::value kEmpty(json::object_kind);
  return kEmpty;
}

}  // namespace

void Reading::error(const std::string& pointer, std::string message) {
  if (auto it = origins.find(pointer); it != origins.end())
    message += " (set by the environment variable " + it->second + ")";
  report.error(pointer, std::move(message));
}

void Reading::warning(const std::string& pointer, std::string message) {
  if (auto it = origins.find(pointer); it != origins.end())
    message += " (set by the environment variable " + it->second + ")";
  report.warning(pointer, std::move(message));
}

void Reading::mismatch(const std::string& pointer, std::string_view what, const json::value& found, bool fatal) {
  std::string message = "expected " + std::string{what} + ", found " + describe(found);
  if (fatal) error(pointer, std::move(message));
  else warning(pointer, std::move(message) + "; ignored");
}

std::string quote(std::string_view s) {
  if (s.size() <= 80) return '"' + std::string{s} + '"';
  size_t cut = 77;
  while (cut > 0 && (static_cast<uint8_t>(s[cut]) & 0xc0) == 0x80) --cut;
  return '"' + std::string{s.substr(0, cut)} + "…\"";
}

std::string describe(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return v.get_bool() ? "true" : "false";
    case json::kind::string: return "the text " + quote(v.get_string());
    case json::kind::array: return "a list";
    case json::kind::object: return "an object";
    default: return "the number " + weak_text(v).value_or("");
  }
}

std::string suggestion(std::string_view name, std::span<const std::string_view> names) {
  if (name.size() > 60) return {};
  std::string lowered = to_lower(name);
  std::string_view best = nearest(lowered, names);
  // nearest() is generous to short names, where a wrong guess reads like nonsense.
  if (best.empty() || edit_distance(lowered, best) * 3 > std::max(lowered.size(), best.size())) return {};
  return " (did you mean \"" + std::string{best} + "\"?)";
}

bool is_remark(std::string_view key) {
  return key.empty() || key[0] == '$' || key[0] == '_' || key[0] == '@' || key[0] == '#' || key.starts_with("//") ||
         to_lower(key).find("comment") != std::string::npos;
}

void warn_unknown(Reading& reading, const json::object& object, const std::string& pointer,
                  std::span<const std::string_view> known) {
  for (const auto& member : object) {
    std::string_view key = member.key();
    if (is_remark(key)) continue;
    if (std::any_of(known.begin(), known.end(), [&](std::string_view k) { return iequals(k, key); })) continue;
    std::string hint = suggestion(key, known);
    if (!hint.empty()) reading.warning(join(pointer, key), "unknown key, ignored" + hint);
  }
}

// Readers may only ask for what the table has, as what it has there: see grammar.h. The text of a failing assertion names
// neither, so this does.
[[maybe_unused]] bool has(const Grammar& grammar, std::string_view key, std::initializer_list<Type> types) {
  const Key* k = grammar.find(key);
  const bool good = k && (types.size() == 0 || std::find(types.begin(), types.end(), k->type) != types.end());
  if (!good)
    std::fprintf(stderr, "core/config/grammar.cc: %.*s has no key \"%.*s\" of this type; enter it there\n", static_cast<int>(grammar.name.size()),
                 grammar.name.data(), static_cast<int>(key.size()), key.data());
  return good;
}

std::vector<std::string_view> names_of(const Grammar& grammar) {
  std::vector<std::string_view> names;
  for (const Key& k : grammar.keys) names.push_back(k.name);
  return names;
}

bool Fields::may_ask(std::string_view key, std::initializer_list<Type> types) { return !grammar_ || has(*grammar_, key, types); }

void Fields::finish() { warn_unknown(*reading_, object_->get_object(), pointer_, grammar_ ? names_of(*grammar_) : asked_); }

Fields::Found Fields::find(std::string_view key) {
  assert(may_ask(key, {}));
  if (!grammar_) asked_.push_back(key);
  const json::object& object = object_->get_object();
  auto it = object.find(key);
  if (it == object.end())
    it = std::find_if(object.begin(), object.end(), [&](const auto& m) { return iequals(m.key(), key); });
  if (it == object.end()) return {nullptr, join(pointer_, key)};
  return {it->value().is_null() ? nullptr : &it->value(), join(pointer_, it->key())};
}

Fields::Found Fields::find_as(std::string_view key, [[maybe_unused]] std::initializer_list<Type> types) {
  assert(may_ask(key, types));
  return find(key);
}

const Grammar& Fields::inner(std::string_view key) const {
  // Objects of free keys: nobody asks them for any.
  static constexpr Grammar kNone{};
  const Key* k = grammar_ ? grammar_->find(key) : nullptr;
  return k && k->inner && k->type != Type::members ? *k->inner : kNone;
}

std::string Fields::text(std::string_view key) {
  Found found = find_as(key, {Type::text});
  if (!found) return {};
  auto text = weak_text(*found.value);
  if (!text) reading_->mismatch(found.pointer, "a text", *found.value);
  return text.value_or("");
}

bool Fields::flag(std::string_view key) {
  Found found = find_as(key, {Type::flag});
  if (!found) return false;
  auto flag = weak_flag(*found.value);
  if (!flag) reading_->mismatch(found.pointer, "true or false", *found.value);
  return flag.value_or(false);
}

int64_t Fields::integer(std::string_view key, int64_t least, int64_t most) {
  Found found = find_as(key, {Type::integer});
  if (!found) return 0;
  auto number = weak_integer(*found.value);
  if (!number) {
    reading_->mismatch(found.pointer, "a whole number", *found.value);
    return 0;
  }
  if (*number < least || *number > most) {
    const std::string most_text = std::to_string(most);
    reading_->mismatch(found.pointer, least == INT64_MIN ? "a number of at most " + most_text : "a number from " + std::to_string(least) + " to " + most_text,
                       *found.value);
    return 0;
  }
  return *number;
}

Duration Fields::duration(std::string_view key) {
  Found found = find_as(key, {Type::duration});
  if (!found) return {};
  if (found.value->is_string()) {
    std::string_view text = found.value->get_string();
    if (auto d = parse_duration(text)) return *d;
    bool digits = !text.empty() && text.find_first_not_of("0123456789.") == text.npos;
    reading_->error(found.pointer, "expected a duration such as \"2s\" or \"1h30m\", found " + quote(text) +
                                       (digits ? "; its unit is missing (ns, us, ms, s, m, h)" : ""));
    return {};
  }
  // A number counts nanoseconds: a quirk of the reference that configurations may rely on.
  if (found.value->is_number())
    if (auto number = weak_integer(*found.value)) {
      if (*number > 0 && *number < 1'000'000)
        reading_->warning(found.pointer, "a number without a unit counts nanoseconds: " + std::to_string(*number) +
                                             " of them are less than a millisecond; did you mean \"" + std::to_string(*number) + "ms\"?");
      return Duration{*number};
    }
  reading_->mismatch(found.pointer, "a duration such as \"2s\" or \"1h30m\"", *found.value);
  return {};
}

std::vector<Fields::Found> Fields::elements(const Found& found) {
  std::vector<Found> out;
  if (!found) return out;
  if (!found.value->is_array()) {
    // A lone value stands for a list of one; an empty object for an empty list.
    if (!found.value->is_object() || !found.value->get_object().empty()) out.push_back(found);
    return out;
  }
  const json::array& array = found.value->get_array();
  for (size_t i = 0; i < array.size(); ++i) out.push_back({&array[i], join(found.pointer, i)});
  return out;
}

std::vector<std::string> Fields::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const Found& e : elements(find_as(key, {Type::texts}))) {
    if (auto text = weak_text(*e.value)) out.push_back(std::move(*text));
    else reading_->mismatch(e.pointer, "a text", *e.value);
  }
  return out;
}

std::vector<int> Fields::integers(std::string_view key, int most) {
  std::vector<int> out;
  for (const Found& e : elements(find_as(key, {Type::integers}))) {
    auto number = weak_integer(*e.value);
    if (number && *number >= 0 && *number <= most) out.push_back(static_cast<int>(*number));
    else reading_->mismatch(e.pointer, "a number from 0 to " + std::to_string(most), *e.value);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Fields::pairs(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> out;
  auto fields = object(key);
  if (!fields) return out;
  for (const auto& member : fields->value().get_object()) {
    if (auto text = weak_text(member.value())) out.emplace_back(member.key(), std::move(*text));
    else if (!member.value().is_null())
      reading_->mismatch(join(fields->pointer(), member.key()), "a text", member.value());
  }
  return out;
}

std::optional<Fields> Fields::object(std::string_view key) {
  Found found = find_as(key, {Type::object, Type::pairs, Type::blocks, Type::members});
  if (!found) return std::nullopt;
  if (found.value->is_object()) return Fields{*reading_, *found.value, std::move(found.pointer), inner(key)};
  if (found.value->is_array() && found.value->get_array().empty())
    return Fields{*reading_, empty_object(), std::move(found.pointer), inner(key)};
  reading_->mismatch(found.pointer, "an object", *found.value);
  return std::nullopt;
}

std::vector<Fields> Fields::objects(std::string_view key) {
  std::vector<Fields> out;
  const Found found = find_as(key, {Type::objects});
  for (Found& e : elements(found)) {
    if (e.value->is_object()) out.emplace_back(*reading_, *e.value, std::move(e.pointer), inner(key));
    else reading_->mismatch(e.pointer, e.value == found.value ? "a list of objects" : "an object", *e.value);
  }
  return out;
}

Options::Options(Reading& reading, const Block* block, const Grammar& grammar, bool strict)
    : reading_{&reading}, grammar_{&grammar}, strict_{strict} {
  if (!block || block->value->is_null()) return;
  pointer_ = block->pointer;
  if (block->value->is_object()) object_ = &block->value->get_object();
  else reading.mismatch(pointer_, "an object", *block->value, strict);
}

const json::value* Options::find(std::string_view key) {
  assert(has(*grammar_, key, {}));
  const json::value* v = object_ ? object_->if_contains(key) : nullptr;
  return v && !v->is_null() ? v : nullptr;
}

const json::value* Options::find_as(std::string_view key, [[maybe_unused]] Type type) {
  assert(has(*grammar_, key, {type}));
  return find(key);
}

bool Options::flag(std::string_view key, bool otherwise) {
  const json::value* v = find_as(key, Type::flag);
  if (!v) return otherwise;
  if (v->is_bool()) return v->get_bool();
  reading_->mismatch(pointer_of(key), "true or false", *v, strict_);
  return otherwise;
}

void Options::without_effect(std::string_view key, std::string_view why) {
  const json::value* v = find(key);
  if (!v || *v == json::value(false) || *v == json::value(0)) return;
  reading_->warning(pointer_of(key), "has no effect: " + std::string{why});
}

int64_t Options::integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most) {
  const json::value* v = find(key);
  if (!v) return otherwise;
  if (v->is_int64() && v->get_int64() >= least && v->get_int64() <= most) return v->get_int64();
  reading_->mismatch(pointer_of(key), "a whole number from " + std::to_string(least) + " to " + std::to_string(most), *v, strict_);
  return otherwise;
}

std::optional<std::string> Options::text(std::string_view key) {
  const json::value* v = find_as(key, Type::text);
  if (!v) return std::nullopt;
  if (v->is_string()) return std::string{v->get_string()};
  reading_->mismatch(pointer_of(key), "a text", *v, strict_);
  return std::nullopt;
}

std::vector<std::string> Options::texts(std::string_view key) {
  std::vector<std::string> out;
  const json::value* v = find_as(key, Type::texts);
  if (!v) return out;
  if (!v->is_array()) {
    reading_->mismatch(pointer_of(key), "a list of texts", *v, strict_);
    return out;
  }
  const json::array& array = v->get_array();
  for (size_t i = 0; i < array.size(); ++i) {
    if (array[i].is_string()) out.emplace_back(array[i].get_string());
    else reading_->mismatch(join(pointer_of(key), i), "a text", array[i], strict_);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> Options::pairs(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> out;
  const json::value* v = find_as(key, Type::pairs);
  if (!v) return out;
  if (!v->is_object()) {
    reading_->mismatch(pointer_of(key), "an object of texts", *v, strict_);
    return out;
  }
  for (const auto& member : v->get_object()) {
    if (member.value().is_string()) out.emplace_back(member.key(), member.value().get_string());
    else reading_->mismatch(join(pointer_of(key), member.key()), "a text", member.value(), strict_);
  }
  return out;
}

std::vector<Block> Options::objects(std::string_view key) {
  std::vector<Block> out;
  const json::value* v = find_as(key, Type::objects);
  if (!v) return out;
  if (!v->is_array()) {
    reading_->mismatch(pointer_of(key), "a list of objects", *v, strict_);
    return out;
  }
  const json::array& array = v->get_array();
  for (size_t i = 0; i < array.size(); ++i) {
    if (array[i].is_object()) out.push_back({std::string{key}, &array[i], join(pointer_of(key), i)});
    else reading_->mismatch(join(pointer_of(key), i), "an object", array[i], strict_);
  }
  return out;
}

const json::value* Options::object(std::string_view key) {
  const json::value* v = find_as(key, Type::object);
  if (!v || v->is_object()) return v;
  reading_->mismatch(pointer_of(key), "an object", *v, strict_);
  return nullptr;
}

void Options::finish() {
  if (object_) warn_unknown(*reading_, *object_, pointer_, names_of(*grammar_));
}

}  // namespace sluice::config
