#include "control.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace http_cache {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }

constexpr int64_t kLongest = 1LL << 31;  // RFC 9111 §1.2.2: what is larger counts as this

// delta-seconds (RFC 9111 §1.2.2), quotes allowed around it; what is none is 0.
int64_t seconds(std::string_view s) {
  if (s.size() >= 2 && s.front() == '"' && s.back() == '"') s = s.substr(1, s.size() - 2);
  if (s.empty() || s.find_first_not_of("0123456789") != s.npos) return 0;
  int64_t n = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
  return error == std::errc{} && n < kLongest ? n : kLongest;
}

void stricter(std::optional<int64_t>& out, int64_t n) { out = out ? std::min(*out, n) : n; }

int64_t days_since_1970(int64_t y, unsigned m, unsigned d) {  // Gregorian calendar
  y -= m <= 2;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(y - era * 400);
  const unsigned day_of_year = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  return era * 146097 + static_cast<int64_t>(year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year) - 719468;
}

// Reads a date from left to right; every step is skipped once one failed.
struct DateReader {
  std::string_view rest;
  bool ok = true;
  bool skip(std::string_view text) {
    ok = ok && rest.substr(0, text.size()) == text;
    if (ok) rest.remove_prefix(text.size());
    return ok;
  }
  int number(size_t digits, bool blank_first = false) {
    int n = 0;
    for (size_t i = 0; ok && i < digits; ++i) {
      const char c = i < rest.size() ? rest[i] : 'x';
      if (c == ' ' && i == 0 && blank_first) continue;
      ok = c >= '0' && c <= '9';
      n = n * 10 + (c - '0');
    }
    if (ok) rest.remove_prefix(digits);
    return n;
  }
  unsigned month() {
    constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned i = 0; ok && i < 12; ++i) {
      if (rest.substr(0, 3) == names[i]) return rest.remove_prefix(3), i + 1;
    }
    ok = false;
    return 1;
  }
  int64_t time() {
    const int h = number(2);
    skip(":");
    const int m = number(2);
    skip(":");
    const int s = number(2);
    ok = ok && h < 24 && m < 60 && s <= 60;
    return (h * 60 + m) * 60 + s;
  }
};

}  // namespace

bool same_text(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<int64_t> parse_date(std::string_view text) {
  DateReader r{text};
  int year = 0;
  unsigned month = 0;
  int day = 0;
  int64_t time = 0;
  if (const size_t comma = text.find(','); comma == 3) {  // Sun, 06 Nov 1994 08:49:37 GMT
    r.rest.remove_prefix(4);
    r.skip(" ");
    day = r.number(2);
    r.skip(" ");
    month = r.month();
    r.skip(" ");
    year = r.number(4);
    r.skip(" ");
    time = r.time();
    r.skip(" GMT");
  } else if (comma != text.npos) {  // Sunday, 06-Nov-94 08:49:37 GMT
    r.rest.remove_prefix(comma + 1);
    r.skip(" ");
    day = r.number(2);
    r.skip("-");
    month = r.month();
    r.skip("-");
    year = r.number(2);
    year += year < 70 ? 2000 : 1900;
    r.skip(" ");
    time = r.time();
    r.skip(" GMT");
  } else {  // Sun Nov  6 08:49:37 1994
    if (text.size() < 4) return std::nullopt;
    r.rest.remove_prefix(3);
    r.skip(" ");
    month = r.month();
    r.skip(" ");
    day = r.number(2, true);
    r.skip(" ");
    time = r.time();
    r.skip(" ");
    year = r.number(4);
  }
  if (!r.ok || !r.rest.empty() || day < 1 || day > 31) return std::nullopt;
  return days_since_1970(year, month, static_cast<unsigned>(day)) * 86400 + time;
}

void Control::add(std::string_view line) {
  each_item(line, [&](std::string_view item) {
    const size_t equals = item.find('=');
    std::string_view name = item.substr(0, equals), value = equals == item.npos ? std::string_view{} : item.substr(equals + 1);
    if (const size_t end = name.find_last_not_of(" \t"); end != name.npos) name = name.substr(0, end + 1);
    if (const size_t begin = value.find_first_not_of(" \t"); begin != value.npos) value.remove_prefix(begin);
    const auto allowance = [&](Allowance& a) {
      a.given = true;
      if (equals != item.npos) stricter(a.seconds, seconds(value));
    };
    if (same_text(name, "no-store")) no_store = true;
    else if (same_text(name, "no-cache")) no_cache = true;
    else if (same_text(name, "only-if-cached")) only_if_cached = true;
    else if (same_text(name, "private")) is_private = true;
    else if (same_text(name, "public")) is_public = true;
    else if (same_text(name, "must-revalidate") || same_text(name, "proxy-revalidate")) must_revalidate = true;
    else if (same_text(name, "s-maxage")) s_maxage = true;
    else if (same_text(name, "max-age")) stricter(max_age, seconds(value));
    else if (same_text(name, "min-fresh")) min_fresh = std::max(min_fresh.value_or(0), seconds(value));
    else if (same_text(name, "max-stale")) allowance(max_stale);
    else if (same_text(name, "stale-if-error")) allowance(stale_if_error);
  });
}

int64_t lifetime_of(const Control& response, std::optional<int64_t> date, bool has_expires, std::optional<int64_t> expires) {
  if (response.max_age) return *response.max_age;
  if (has_expires && expires && date) return std::max<int64_t>(*expires - *date, 0);
  return 0;  // nothing is guessed
}

Verdict judge(const Control& request, const Control& response, std::optional<int64_t> date, int64_t lifetime, int64_t now) {
  if (request.no_cache) return Verdict::skip;
  if (response.no_cache) return Verdict::stale;
  if (request.only_if_cached) return Verdict::fresh;
  if (!date) return Verdict::stale;
  int64_t age = now - *date;
  if (request.max_age) lifetime = *request.max_age;
  if (request.min_fresh) age += *request.min_fresh;
  if (request.max_stale.given && !response.must_revalidate) {
    if (!request.max_stale.seconds) return Verdict::fresh;
    age -= *request.max_stale.seconds;
  }
  return lifetime > age ? Verdict::fresh : Verdict::stale;
}

bool serve_on_error(const Control& request, const Control& response, std::optional<int64_t> date, int64_t now) {
  if (response.must_revalidate) return false;
  for (const Control::Allowance* a : {&response.stale_if_error, &request.stale_if_error}) {
    if (a->given && (!a->seconds || (date && *a->seconds > now - *date))) return true;
  }
  return false;
}

}  // namespace http_cache
