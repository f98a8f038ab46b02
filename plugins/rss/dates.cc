#include "dates.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace sluice::rss {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

class Reader {
 public:
  explicit Reader(std::string_view s) : rest_{s} {}
  void blanks() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == ',')) rest_.remove_prefix(1);
  }
  bool take(char c) { return !rest_.empty() && rest_[0] == c ? rest_.remove_prefix(1), true : false; }
  bool at_digit() const { return !rest_.empty() && digit(rest_[0]); }
  bool done() const { return rest_.empty(); }
  // Between `least` and `most` digits.
  std::optional<int> number(size_t least, size_t most, size_t* count = nullptr) {
    int v = 0;
    size_t n = 0;
    for (; n < most && at_digit(); ++n, rest_.remove_prefix(1)) v = v * 10 + (rest_[0] - '0');
    if (count) *count = n;
    return n < least ? std::nullopt : std::optional{v};
  }
  std::string_view word() {
    size_t n = 0;
    while (n < rest_.size() && letter(rest_[n])) ++n;
    std::string_view w = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return w;
  }
  // Digits of a fraction, without zeros at the end; at most nine.
  std::string_view fraction() {
    size_t n = 0;
    while (n < rest_.size() && digit(rest_[n])) ++n;
    std::string_view f = rest_.substr(0, n < 9 ? n : 9);
    rest_.remove_prefix(n);
    while (f.ends_with('0')) f.remove_suffix(1);
    return f;
  }

 private:
  std::string_view rest_;
};

struct Moment {
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, offset = 0;  // offset: minutes east
  std::string_view fraction;
};

bool equal(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if ((a[i] | 0x20) != lower[i]) return false;
  return true;
}

int month_of(std::string_view word) {
  constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (int i = 0; i < 12; ++i)
    if (word.size() >= 3 && equal(word.substr(0, 3), kMonths[i])) return i + 1;
  return 0;
}

// RFC 822 §5.1. A name nobody knows is taken for UTC, as RFC 5322 §4.3 advises.
int zone_offset(std::string_view word) {
  struct Zone {
    std::string_view name;
    int hours;
  };
  constexpr Zone kZones[] = {{"est", -5}, {"edt", -4}, {"cst", -6}, {"cdt", -5}, {"mst", -7}, {"mdt", -6},
                             {"pst", -8}, {"pdt", -7}, {"cet", 1},  {"cest", 2}, {"bst", 1},  {"jst", 9}};
  for (const Zone& z : kZones)
    if (equal(word, z.name)) return z.hours * 60;
  return 0;
}

bool zone(Reader& in, Moment& m) {
  in.blanks();
  if (in.done()) return true;
  bool minus = in.take('-'), plus = !minus && in.take('+');
  if (!minus && !plus) {
    std::string_view word = in.word();
    if (word.empty()) return false;
    m.offset = zone_offset(word);
    // "GMT+0100" means what it says.
    minus = in.take('-'), plus = !minus && in.take('+');
    if (!minus && !plus) return true;
  }
  size_t digits = 0;
  auto first = in.number(1, 4, &digits);
  if (!first) return false;
  int hours = digits > 2 ? *first / 100 : *first, minutes = digits > 2 ? *first % 100 : 0;
  if (digits <= 2 && in.take(':')) {
    auto more = in.number(2, 2);
    if (!more) return false;
    minutes = *more;
  }
  if (hours > 23 || minutes > 59) return false;
  m.offset = (hours * 60 + minutes) * (minus ? -1 : 1);
  return true;
}

bool clock(Reader& in, Moment& m) {
  auto hour = in.number(1, 2);
  if (!hour || !in.take(':')) return false;
  auto minute = in.number(1, 2);
  if (!minute) return false;
  m.hour = *hour, m.minute = *minute;
  if (in.take(':')) {
    auto second = in.number(1, 2);
    if (!second) return false;
    m.second = *second;
    if (in.take('.') || in.take(',')) m.fraction = in.fraction();
  }
  return zone(in, m);
}

// The year has been read, if there was one of four digits.
bool iso(Reader& in, Moment& m) {
  if (in.done()) return true;
  if (!in.take('-')) return false;
  auto month = in.number(1, 2);
  if (!month) return false;
  m.month = *month;
  if (in.done()) return true;
  if (!in.take('-')) return false;
  auto day = in.number(1, 2);
  if (!day) return false;
  m.day = *day;
  if (in.done()) return true;
  if (!in.take('T') && !in.take('t')) in.blanks();
  return clock(in, m);
}

bool rfc822(Reader& in, Moment& m) {
  in.blanks();
  std::string_view word = in.word();
  int month = month_of(word);
  if (!word.empty() && !month) {  // a day of the week
    in.take('.');
    in.blanks();
    word = in.word();
    month = month_of(word);
    if (!word.empty() && !month) return false;
  }
  if (month) in.blanks();  // "January 2, 2006"
  auto day = in.number(1, 2);
  if (!day) return false;
  in.take('-');
  in.blanks();
  if (!month) {
    month = month_of(in.word());
    if (!month) return false;
    in.take('.');
    in.take('-');
    in.blanks();
  }
  size_t digits = 0;
  auto year = in.number(2, 4, &digits);
  if (!year || digits == 3) return false;
  // RFC 5322 §4.3
  m.year = digits == 2 ? *year + (*year < 50 ? 2000 : 1900) : *year;
  m.month = month, m.day = *day;
  in.blanks();
  return in.done() || clock(in, m);
}

}  // namespace

std::string to_rfc3339(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t')) text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n' || text.front() == '\r' || text.front() == '\t')) text.remove_prefix(1);
  Moment m;
  Reader in{text};
  size_t digits = 0;
  auto year = in.number(0, 4, &digits);
  if (digits == 4) {
    m.year = *year;
    if (!iso(in, m)) return {};
  } else {
    in = Reader{text};
    if (!rfc822(in, m)) return {};
  }
  using namespace std::chrono;
  year_month_day date{std::chrono::year{m.year}, month{static_cast<unsigned>(m.month)}, day{static_cast<unsigned>(m.day)}};
  if (!date.ok() || m.hour > 24 || m.minute > 59 || m.second > 60) return {};
  auto at = sys_days{date} + hours{m.hour} + minutes{m.minute - m.offset} + seconds{m.second};
  auto midnight = floor<days>(at);
  date = year_month_day{midnight};
  if (static_cast<int>(date.year()) < 0 || static_cast<int>(date.year()) > 9999) return {};
  hh_mm_ss time{at - midnight};
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  std::string result{out};
  if (!m.fraction.empty()) result += '.' + std::string{m.fraction};
  return result + 'Z';
}

}  // namespace sluice::rss
