// sprig: arithmetic. Whole numbers wrap around as Go's do; those with an f at the end count in decimal.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

int64_t wrapping(uint64_t v) { return static_cast<int64_t>(v); }
uint64_t bits(const Value& v) { return static_cast<uint64_t>(to_int64(v)); }

// The decimal number that a double is written as, with more digits: 0.1 + 0.2 is 0.3 then.
long double decimal(const Value& v) { return std::strtold(format_real(to_real(v), 'e', -1).c_str(), nullptr); }

template <class F>
Value decimals(Call& c, F&& f) {
  long double out = decimal(c.args[0]);
  for (const Value& v : c.args.subspan(1)) out = f(out, decimal(v));
  return std::isfinite(out) ? real(static_cast<double>(out)) : c.fail("the result is no number");
}

Value divided(Call& c, bool rest) {
  int64_t a = to_int64(c.args[0]), b = to_int64(c.args[1]);
  if (b == 0) return c.fail("division by zero");
  if (b == -1) return integer64(rest ? 0 : wrapping(0 - static_cast<uint64_t>(a)));
  return integer64(rest ? a % b : a / b);
}

Value whole_extreme(Call& c, bool greatest) {
  int64_t out = to_int64(c.args[0]);
  for (const Value& v : c.args.subspan(1)) out = greatest ? std::max(out, to_int64(v)) : std::min(out, to_int64(v));
  return integer64(out);
}

Value real_extreme(Call& c, bool greatest) {
  double out = to_real(c.args[0]);
  for (const Value& v : c.args.subspan(1)) out = greatest ? std::fmax(out, to_real(v)) : std::fmin(out, to_real(v));
  return real(out);
}

Value round(Call& c) {
  double on = c.args.size() > 2 ? c.args[2].real : 0.5;
  double d = to_real(c.args[0]), power = std::pow(10.0, static_cast<double>(std::clamp<int64_t>(c.i(1), -400, 400)));
  double scaled = power * d, fraction = std::modf(scaled, &scaled);
  double out = fraction >= on ? std::ceil(power * d) : std::floor(power * d);
  out /= power;
  return std::isfinite(out) ? real(out) : c.fail("the result is no number");
}

// Numbers from start up or down to stop, which is none of them.
Value counted(Call& c, int64_t start, int64_t stop, int64_t step) {
  List* l = c.heap.list();
  l->type = "[]int";
  if (step != 0 && (stop > start) == (step > 0) && stop != start) {
    uint64_t span = step > 0 ? static_cast<uint64_t>(stop) - static_cast<uint64_t>(start) : static_cast<uint64_t>(start) - static_cast<uint64_t>(stop);
    uint64_t width = step > 0 ? static_cast<uint64_t>(step) : uint64_t{0} - static_cast<uint64_t>(step);
    uint64_t count = (span + width - 1) / width;
    if (count > Heap::kMost / sizeof(Value) || !c.room(count * sizeof(Value))) return c.fail("the list would be too long");
    c.heap.charge(count * sizeof(Value));
    for (uint64_t i = 0; i < count; ++i) l->items.push_back(integer(wrapping(static_cast<uint64_t>(start) + i * static_cast<uint64_t>(step))));
  }
  return of(l);
}

Value seq(Call& c) {
  int64_t first = 1, step = 1, last;
  switch (c.args.size()) {
    case 0: return view("");
    case 1: last = c.i(0); break;
    case 2: first = c.i(0), last = c.i(1); break;
    case 3: first = c.i(0), step = c.i(1), last = c.i(2); break;
    default: return view("");
  }
  if (c.args.size() < 3 && last < first) step = -1;
  if (step == 0 || (last > first && step < 0) || (last < first && step > 0)) return view("");
  if (last == (step > 0 ? INT64_MAX : INT64_MIN)) return c.fail("the list would be too long");
  Value numbers = counted(c, first, last + (step > 0 ? 1 : -1), step);
  if (c.error) return {};
  std::string out;
  for (const Value& v : numbers.list->items) out += (out.empty() ? "" : " ") + std::to_string(v.integer);
  return c.text(std::move(out));
}

Value to_decimal(Call& c) {  // of an octal number
  uint64_t n = 0;
  std::string text = to_text(c.args[0]);
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n, 8);
  return integer64(ec == std::errc{} && end == text.data() + text.size() ? wrapping(n) : 0);
}

Value atoi(Call& c) {
  std::string_view s = c.s(0);
  int64_t n = 0;
  if (s.starts_with('+')) s.remove_prefix(1);
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  return integer(ec == std::errc{} && end == s.data() + s.size() ? n : 0);
}

constexpr Function kTable[] = {
    {"int", "v", [](Call& c) { return integer(to_int64(c.args[0])); }},
    {"int64", "v", [](Call& c) { return integer64(to_int64(c.args[0])); }},
    {"float64", "v", [](Call& c) { return real(to_real(c.args[0])); }},
    {"atoi", "s", atoi},
    {"toDecimal", "v", to_decimal},
    {"add", "v*", [](Call& c) {
       uint64_t out = 0;
       for (const Value& v : c.args) out += bits(v);
       return integer64(wrapping(out));
     }},
    {"add1", "v", [](Call& c) { return integer64(wrapping(bits(c.args[0]) + 1)); }},
    {"sub", "vv", [](Call& c) { return integer64(wrapping(bits(c.args[0]) - bits(c.args[1]))); }},
    {"mul", "vv*", [](Call& c) {
       uint64_t out = bits(c.args[0]);
       for (const Value& v : c.args.subspan(1)) out *= bits(v);
       return integer64(wrapping(out));
     }},
    {"div", "vv", [](Call& c) { return divided(c, false); }},
    {"mod", "vv", [](Call& c) { return divided(c, true); }},
    {"max", "vv*", [](Call& c) { return whole_extreme(c, true); }},
    {"biggest", "vv*", [](Call& c) { return whole_extreme(c, true); }},
    {"min", "vv*", [](Call& c) { return whole_extreme(c, false); }},
    {"maxf", "vv*", [](Call& c) { return real_extreme(c, true); }},
    {"minf", "vv*", [](Call& c) { return real_extreme(c, false); }},
    {"addf", "v*", [](Call& c) { return c.args.empty() ? real(0) : decimals(c, [](long double a, long double b) { return a + b; }); }},
    {"add1f", "v", [](Call& c) { return real(static_cast<double>(decimal(c.args[0]) + 1)); }},
    {"subf", "vv*", [](Call& c) { return decimals(c, [](long double a, long double b) { return a - b; }); }},
    {"mulf", "vv*", [](Call& c) { return decimals(c, [](long double a, long double b) { return a * b; }); }},
    {"divf", "vv*", [](Call& c) { return decimals(c, [](long double a, long double b) { return a / b; }); }},
    {"ceil", "v", [](Call& c) { return real(std::ceil(to_real(c.args[0]))); }},
    {"floor", "v", [](Call& c) { return real(std::floor(to_real(c.args[0]))); }},
    {"round", "vif*", round},
    {"until", "i", [](Call& c) { return counted(c, 0, c.i(0), c.i(0) < 0 ? -1 : 1); }},
    {"untilStep", "iii", [](Call& c) { return counted(c, c.i(0), c.i(1), c.i(2)); }},
    {"seq", "i*", seq},
};

}  // namespace

std::span<const Function> number_functions() { return kTable; }

}  // namespace sluice::config::tmpl
