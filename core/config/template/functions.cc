#include "core/config/template/functions.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/text.h"
#include "core/config/template/format.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

// Functions of sprig that would make a configuration another one each time it is read, or that make secrets where none belong.
struct Refused {
  std::string_view name, why;
};
constexpr std::string_view kKeys = "it makes a new key each time the configuration is read; make keys and certificates once and name their files";
constexpr std::string_view kHashes = "it makes another text each time the configuration is read; put the hash into the settings";
constexpr std::string_view kAes = "give secrets with (env \"NAME\") or in a settings file that only the gateway can read";
constexpr Refused kRefused[] = {
    {"genCA", kKeys},
    {"genCAWithKey", kKeys},
    {"genPrivateKey", kKeys},
    {"genSelfSignedCert", kKeys},
    {"genSelfSignedCertWithKey", kKeys},
    {"genSignedCert", kKeys},
    {"genSignedCertWithKey", kKeys},
    {"buildCustomCert", kKeys},
    {"bcrypt", kHashes},
    {"htpasswd", kHashes},
    {"derivePassword", kAes},
    {"encryptAES", kAes},
    {"decryptAES", kAes},
    {"getHostByName", "a configuration must not depend on the name server of the moment; give the name, it is resolved when it is called"},
    {"call", "nothing in a template is a function value"},
};

const std::map<std::string_view, const Function*>& table() {
  static const std::map<std::string_view, const Function*> all = [] {
    std::map<std::string_view, const Function*> out;
    for (auto part : {builtin_functions(), text_functions(), word_functions(), number_functions(), list_functions(), map_functions(),
                      code_functions(), regex_functions(), time_functions(), system_functions()})
      for (const Function& f : part) out.emplace(f.name, &f);
    return out;
  }();
  return all;
}

}  // namespace

bool Call::room(size_t bytes) {
  if (heap.fits(bytes)) return true;
  fail("the result would be too large");
  return false;
}

const Function* find_function(std::string_view name) {
  auto it = table().find(name);
  return it == table().end() ? nullptr : it->second;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> out{"and", "or"};
  for (const auto& [name, f] : table()) out.push_back(name);
  return out;
}

std::optional<std::string> unknown_function(std::string_view name) {
  if (name == "and" || name == "or" || find_function(name)) return std::nullopt;
  for (const Refused& r : kRefused)
    if (r.name == name) return ", on purpose: " + std::string{r.why};
  std::string_view near = nearest(name, function_names());
  return near.empty() ? std::string{} : " (did you mean " + go_quote(near) + "?)";
}

int64_t to_int64(const Value& v) {
  switch (v.kind) {
    case K::boolean: return v.boolean;
    case K::integer:
    case K::integer64:
    case K::duration: return v.integer;
    case K::real:
      if (std::isnan(v.real)) return INT64_MIN;
      return v.real >= 9.2233720368547758e18 || v.real < -9.2233720368547758e18 ? INT64_MIN : static_cast<int64_t>(v.real);
    case K::text: {
      // strconv.ParseInt with base 0.
      std::string s;
      for (char c : v.text)
        if (c != '_') s += c;
      bool negative = !s.empty() && s[0] == '-';
      std::string_view digits{s};
      if (negative || (!s.empty() && s[0] == '+')) digits.remove_prefix(1);
      int base = 10;
      char kind = digits.size() > 1 && digits[0] == '0' ? lower(digits[1]) : '\0';
      if (kind == 'x') base = 16;
      else if (kind == 'b') base = 2;
      else if (kind == 'o') base = 8;
      if (base != 10) digits.remove_prefix(2);
      else if (kind) base = 8;
      uint64_t n = 0;
      auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), n, base);
      if (ec != std::errc{} || digits.empty() || end != digits.data() + digits.size()) return 0;
      if (n > static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0)) return 0;
      return negative ? static_cast<int64_t>(0 - n) : static_cast<int64_t>(n);
    }
    default: return 0;
  }
}

double to_real(const Value& v) {
  switch (v.kind) {
    case K::boolean: return v.boolean;
    case K::integer:
    case K::integer64:
    case K::duration: return static_cast<double>(v.integer);
    case K::real: return v.real;
    case K::text: {
      std::string_view s = v.text;
      if (s.starts_with('+')) s.remove_prefix(1);
      double d = 0;
      auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), d);
      return ec == std::errc{} && end == s.data() + s.size() ? d : 0;
    }
    default: return 0;
  }
}

bool is_empty(const Value& v) { return v.is(K::time) ? false : !truth(v); }

std::vector<std::string> to_texts(const Value& v) {
  std::vector<std::string> out;
  if (v.is(K::list)) {
    for (const Value& item : v.list->items)
      if (!item.none()) out.push_back(to_text(item));
  } else if (!v.none()) {
    out.push_back(to_text(v));
  }
  return out;
}

Value list_of(Call& c, std::vector<Value> items) {
  List* l = c.heap.list(items.size());
  l->items = std::move(items);
  return of(l);
}

Value list_of_texts(Call& c, const std::vector<std::string>& items) {
  List* l = c.heap.list(items.size());
  l->type = "[]string";
  for (const std::string& s : items) l->items.push_back(c.text(s));
  return of(l);
}

}  // namespace sluice::config::tmpl
