// sprig: dates. Zones are UTC, the local one ("Local") and those of the tz database; layouts are Go's, written with its reference time
// Mon Jan 2 15:04:05 MST 2006.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "core/config/reader.h"
#include "core/config/template/format.h"
#include "core/config/template/functions.h"

namespace sluice::config::tmpl {
namespace {

using K = Value::Kind;

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum class Part : uint8_t {
  literal, year, year2, month_name, month_short, month2, month, day_name, day_short, day2, day_blank, day, hour24, hour12_2, hour12,
  minute2, minute, second2, second, noon, noon_lower, zone_name, zone_z, zone_z_colon, zone, zone_colon, zone_short, fraction, year_day,
};
struct Pattern {
  std::string_view text;
  Part part;
};
// Longer ones before those that they begin with.
constexpr Pattern kPatterns[] = {
    {"January", Part::month_name}, {"Jan", Part::month_short}, {"Monday", Part::day_name}, {"Mon", Part::day_short}, {"MST", Part::zone_name},
    {"2006", Part::year}, {"-07:00", Part::zone_colon}, {"-0700", Part::zone}, {"-07", Part::zone_short}, {"Z07:00", Part::zone_z_colon},
    {"Z0700", Part::zone_z}, {"002", Part::year_day}, {"01", Part::month2}, {"02", Part::day2}, {"03", Part::hour12_2}, {"04", Part::minute2},
    {"05", Part::second2}, {"06", Part::year2}, {"15", Part::hour24}, {"1", Part::month}, {"_2", Part::day_blank}, {"2", Part::day},
    {"3", Part::hour12}, {"4", Part::minute}, {"5", Part::second}, {"PM", Part::noon}, {"pm", Part::noon_lower},
};

struct Piece {
  Part part;
  std::string_view text;  // of a literal and of a fraction
};

std::vector<Piece> pieces(std::string_view layout) {
  std::vector<Piece> out;
  size_t literal = 0, at = 0;
  auto flush = [&] {
    if (at > literal) out.push_back({Part::literal, layout.substr(literal, at - literal)});
  };
  while (at < layout.size()) {
    std::string_view rest = layout.substr(at);
    // .000 or .999 behind seconds.
    if ((rest[0] == '.' || rest[0] == ',') && rest.size() > 1 && (rest[1] == '0' || rest[1] == '9')) {
      size_t end = 1;
      while (end < rest.size() && rest[end] == rest[1]) ++end;
      if (end == rest.size() || rest[end] < '0' || rest[end] > '9') {
        flush();
        out.push_back({Part::fraction, rest.substr(0, end)});
        at += end, literal = at;
        continue;
      }
    }
    auto p = std::find_if(std::begin(kPatterns), std::end(kPatterns), [&](const Pattern& pattern) { return rest.starts_with(pattern.text); });
    if (p == std::end(kPatterns)) {
      ++at;
      continue;
    }
    flush();
    out.push_back({p->part, p->text});
    at += p->text.size(), literal = at;
  }
  flush();
  return out;
}

struct Broken {
  std::tm tm{};
  int64_t nanoseconds = 0;
  int offset = 0;  // seconds east of UTC
  std::string zone;
};

// Where a date is shown.
struct Place {
  bool local = false;
  const Zone* zone = nullptr;  // nullptr: UTC, or local
};

Broken broken(int64_t ns, Place place) {
  Broken out;
  std::time_t seconds = static_cast<std::time_t>(ns / kSecond);
  out.nanoseconds = ns % kSecond;
  if (out.nanoseconds < 0) out.nanoseconds += kSecond, --seconds;
  if (place.local) {
    ::localtime_r(&seconds, &out.tm), out.offset = static_cast<int>(out.tm.tm_gmtoff), out.zone = out.tm.tm_zone;
    return out;
  }
  out.zone = "UTC";
  if (place.zone) {
    const Zone::Time there = place.zone->at(seconds);
    out.offset = there.offset, out.zone = there.name;
    seconds += there.offset;
  }
  ::gmtime_r(&seconds, &out.tm);
  return out;
}

std::string padded(int64_t v, int width, char with = '0') {
  std::string text = std::to_string(v);
  return static_cast<int>(text.size()) < width ? std::string(static_cast<size_t>(width) - text.size(), with) + text : text;
}

std::string zone_text(int offset, bool colon, bool z, bool hours_only = false) {
  if (z && offset == 0) return "Z";
  int minutes = std::abs(offset) / 60;
  return (offset < 0 ? "-" : "+") + padded(minutes / 60, 2) + (hours_only ? "" : (colon ? ":" : "") + padded(minutes % 60, 2));
}

std::string formatted(int64_t ns, std::string_view layout, Place place) {
  Broken b = broken(ns, place);
  const std::tm& t = b.tm;
  int hour12 = t.tm_hour % 12 ? t.tm_hour % 12 : 12;
  std::string out;
  for (const Piece& p : pieces(layout)) {
    switch (p.part) {
      case Part::literal: out += p.text; break;
      case Part::year: out += padded(t.tm_year + 1900, 4); break;
      case Part::year2: out += padded((t.tm_year + 1900) % 100, 2); break;
      case Part::month_name: out += kMonths[t.tm_mon]; break;
      case Part::month_short: out += kMonths[t.tm_mon].substr(0, 3); break;
      case Part::month2: out += padded(t.tm_mon + 1, 2); break;
      case Part::month: out += std::to_string(t.tm_mon + 1); break;
      case Part::day_name: out += kDays[t.tm_wday]; break;
      case Part::day_short: out += kDays[t.tm_wday].substr(0, 3); break;
      case Part::day2: out += padded(t.tm_mday, 2); break;
      case Part::day_blank: out += padded(t.tm_mday, 2, ' '); break;
      case Part::day: out += std::to_string(t.tm_mday); break;
      case Part::year_day: out += padded(t.tm_yday + 1, 3); break;
      case Part::hour24: out += padded(t.tm_hour, 2); break;
      case Part::hour12_2: out += padded(hour12, 2); break;
      case Part::hour12: out += std::to_string(hour12); break;
      case Part::minute2: out += padded(t.tm_min, 2); break;
      case Part::minute: out += std::to_string(t.tm_min); break;
      case Part::second2: out += padded(t.tm_sec, 2); break;
      case Part::second: out += std::to_string(t.tm_sec); break;
      case Part::noon: out += t.tm_hour < 12 ? "AM" : "PM"; break;
      case Part::noon_lower: out += t.tm_hour < 12 ? "am" : "pm"; break;
      case Part::zone_name: out += b.zone; break;
      case Part::zone_z: out += zone_text(b.offset, false, true); break;
      case Part::zone_z_colon: out += zone_text(b.offset, true, true); break;
      case Part::zone: out += zone_text(b.offset, false, false); break;
      case Part::zone_colon: out += zone_text(b.offset, true, false); break;
      case Part::zone_short: out += zone_text(b.offset, false, false, true); break;
      case Part::fraction: {
        std::string digits = padded(b.nanoseconds, 9).substr(0, std::min<size_t>(p.text.size() - 1, 9));
        if (p.text[1] == '9')
          while (digits.ends_with('0')) digits.pop_back();
        if (!digits.empty()) out += p.text.substr(0, 1), out += digits;
        break;
      }
    }
  }
  return out;
}

bool leap(int64_t y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

// time.Parse; nullopt: does not fit.
std::optional<int64_t> parsed(std::string_view layout, std::string_view s) {
  int64_t year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0, nanoseconds = 0, offset = 0;
  bool pm = false, twelve = false;
  auto number = [&](size_t least, size_t most, int64_t& out) {
    size_t n = 0;
    out = 0;
    for (; n < most && n < s.size() && s[n] >= '0' && s[n] <= '9'; ++n) out = out * 10 + (s[n] - '0');
    s.remove_prefix(n);
    return n >= least;
  };
  auto name = [&](std::span<const std::string_view> names, bool brief, int64_t& out) {
    for (size_t i = 0; i < names.size(); ++i) {
      std::string_view want = brief ? names[i].substr(0, 3) : names[i];
      if (!s.starts_with(want)) continue;
      s.remove_prefix(want.size());
      out = static_cast<int64_t>(i);
      return true;
    }
    return false;
  };
  auto zone = [&](bool colon, bool z) {
    if (z && s.starts_with('Z')) return s.remove_prefix(1), true;
    if (s.empty() || (s[0] != '+' && s[0] != '-')) return false;
    int64_t sign = s[0] == '-' ? -1 : 1, h, m;
    s.remove_prefix(1);
    if (!number(2, 2, h)) return false;
    if (colon) {
      if (!s.starts_with(':')) return false;
      s.remove_prefix(1);
    }
    if (!number(2, 2, m)) return false;
    offset = sign * (h * 3600 + m * 60);
    return true;
  };
  int64_t unused;
  for (const Piece& p : pieces(layout)) {
    bool ok = true;
    switch (p.part) {
      case Part::literal: ok = s.starts_with(p.text); if (ok) s.remove_prefix(p.text.size()); break;
      case Part::year: ok = number(4, 4, year); break;
      case Part::year2: ok = number(2, 2, year); year += year >= 69 ? 1900 : 2000; break;
      case Part::month_name: ok = name(kMonths, false, month); ++month; break;
      case Part::month_short: ok = name(kMonths, true, month); ++month; break;
      case Part::month2: ok = number(2, 2, month); break;
      case Part::month: ok = number(1, 2, month); break;
      case Part::day_name: ok = name(kDays, false, unused); break;
      case Part::day_short: ok = name(kDays, true, unused); break;
      case Part::day2: ok = number(2, 2, day); break;
      case Part::day_blank:
        if (s.starts_with(' ')) s.remove_prefix(1);
        [[fallthrough]];
      case Part::day: ok = number(1, 2, day); break;
      case Part::year_day: ok = number(3, 3, unused); break;
      case Part::hour24: ok = number(2, 2, hour); break;
      case Part::hour12_2: ok = number(2, 2, hour), twelve = true; break;
      case Part::hour12: ok = number(1, 2, hour), twelve = true; break;
      case Part::minute2: ok = number(2, 2, minute); break;
      case Part::minute: ok = number(1, 2, minute); break;
      case Part::second2:
      case Part::second:
        ok = number(p.part == Part::second2 ? 2 : 1, 2, second);
        // Digits behind the seconds are taken though the layout has none.
        if (ok && s.size() > 1 && s[0] == '.' && s[1] >= '0' && s[1] <= '9') {
          int64_t unit = kSecond / 10;
          for (s.remove_prefix(1); !s.empty() && s[0] >= '0' && s[0] <= '9'; s.remove_prefix(1), unit /= 10) nanoseconds += (s[0] - '0') * unit;
        }
        break;
      case Part::noon:
      case Part::noon_lower:
        ok = s.size() >= 2 && (s[1] == 'M' || s[1] == 'm');
        if (ok) pm = s[0] == 'P' || s[0] == 'p', twelve = true, s.remove_prefix(2);
        break;
      case Part::zone_name: {
        size_t n = 0;
        while (n < s.size() && s[n] >= 'A' && s[n] <= 'Z') ++n;
        ok = n >= 3;
        s.remove_prefix(n);
        break;
      }
      case Part::zone_z: ok = zone(false, true); break;
      case Part::zone_z_colon: ok = zone(true, true); break;
      case Part::zone: ok = zone(false, false); break;
      case Part::zone_colon: ok = zone(true, false); break;
      case Part::zone_short: ok = !s.empty() && (s[0] == '+' || s[0] == '-'); if (ok) {
          int64_t sign = s[0] == '-' ? -1 : 1;
          s.remove_prefix(1);
          ok = number(2, 2, offset), offset *= sign * 3600;
        }
        break;
      case Part::fraction: break;  // read behind the seconds
    }
    if (!ok) return std::nullopt;
  }
  constexpr int kLength[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (!s.empty() || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  if (day < 1 || day > kLength[month - 1] + (month == 2 && leap(year) ? 1 : 0)) return std::nullopt;
  if (twelve) hour = hour % 12 + (pm ? 12 : 0);
  std::tm t{};
  t.tm_year = static_cast<int>(year - 1900), t.tm_mon = static_cast<int>(month - 1), t.tm_mday = static_cast<int>(day);
  t.tm_hour = static_cast<int>(hour), t.tm_min = static_cast<int>(minute), t.tm_sec = static_cast<int>(second);
  int64_t seconds = static_cast<int64_t>(::timegm(&t)) - offset;
  if (std::abs(seconds) > INT64_MAX / kSecond - 1) return std::nullopt;
  return seconds * kSecond + nanoseconds;
}

// A time, or whole seconds since 1970; anything else is now.
int64_t instant(const Call& c, const Value& v) {
  if (v.is(K::time)) return v.integer;
  constexpr int64_t kMost = INT64_MAX / kSecond;
  if (v.whole()) return std::clamp(v.integer, -kMost, kMost) * kSecond;
  return c.services.now;
}

Value time_of(int64_t ns) {
  Value v;
  v.kind = K::time, v.integer = ns;
  return v;
}

constexpr Place kLocal{true, nullptr};

// False, and failed: a zone that is not known.
bool place_of(Call& c, std::string_view name, Place& place) {
  if (name == "Local") return place = kLocal, true;
  if (name.empty() || name == "UTC") return true;
  std::string why;
  place.zone = c.services.zones->find(name, &why);
  if (!place.zone) c.fail("the zone " + go_quote(name) + " is not known: " + why);
  return place.zone != nullptr;
}

Value date(Call& c) { return c.text(formatted(instant(c, c.args[1]), c.s(0), kLocal)); }
Value date_in_zone(Call& c) {
  Place place;
  return place_of(c, c.s(2), place) ? c.text(formatted(instant(c, c.args[1]), c.s(0), place)) : Value{};
}
Value html_date(Call& c) { return c.text(formatted(instant(c, c.args[0]), "2006-01-02", kLocal)); }
Value html_date_in_zone(Call& c) {
  Place place;
  return place_of(c, c.s(1), place) ? c.text(formatted(instant(c, c.args[0]), "2006-01-02", place)) : Value{};
}
Value to_date(Call& c) {
  auto ns = parsed(c.s(0), c.s(1));
  return ns ? time_of(*ns) : c.fail(described(c.args[1]) + " does not have the form " + go_quote(c.s(0)));
}
Value modified(Call& c) {
  auto by = parse_duration(c.s(0));
  if (!by) return c.fail(described(c.args[0]) + " is no duration such as \"-1h30m\"");
  return time_of(static_cast<int64_t>(static_cast<uint64_t>(c.args[1].integer) + static_cast<uint64_t>(by->count())));
}

Value duration(Call& c) {
  // Of texts and int64 only, as there: (duration 95) is 0s.
  int64_t n = c.args[0].is(K::text) || c.args[0].is(K::integer64) ? to_int64(c.args[0]) : 0;
  constexpr int64_t kMost = INT64_MAX / kSecond;
  return c.text(duration_text(std::clamp(n, -kMost, kMost) * kSecond));
}

// The largest unit that fits, and no more of it.
Value duration_round(Call& c) {
  int64_t ns = 0;
  const Value& v = c.args[0];
  if (v.is(K::text)) {
    if (auto d = parse_duration(v.text)) ns = d->count();
  } else if (v.whole() || v.is(K::duration)) {
    ns = v.integer;
  } else if (v.is(K::time)) {
    ns = c.services.now - v.integer;
  }
  uint64_t left = ns < 0 ? uint64_t{0} - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  constexpr std::pair<uint64_t, const char*> kUnits[] = {{365 * 86400u, "y"}, {30 * 86400u, "mo"}, {86400, "d"}, {3600, "h"}, {60, "m"}, {1, "s"}};
  for (auto [seconds, name] : kUnits)
    if (left > seconds * static_cast<uint64_t>(kSecond))
      return c.text((ns < 0 ? "-" : "") + std::to_string(left / (seconds * static_cast<uint64_t>(kSecond))) + name);
  return view("0s");
}

Value ago(Call& c) {
  int64_t past = c.services.now - instant(c, c.args[0]);
  return c.text(duration_text((past + (past < 0 ? -kSecond / 2 : kSecond / 2)) / kSecond * kSecond));
}

constexpr Function kTable[] = {
    {"now", "", [](Call& c) { return time_of(c.services.now); }},
    {"date", "sv", date},
    {"dateInZone", "svs", date_in_zone},
    {"date_in_zone", "svs", date_in_zone},
    {"htmlDate", "v", html_date},
    {"htmlDateInZone", "vs", html_date_in_zone},
    {"toDate", "ss", to_date},
    {"mustToDate", "ss", to_date},
    {"dateModify", "st", modified},
    {"date_modify", "st", modified},
    {"mustDateModify", "st", modified},
    {"must_date_modify", "st", modified},
    {"unixEpoch", "t", [](Call& c) { return c.text(std::to_string(c.args[0].integer / kSecond)); }},
    {"duration", "v", duration},
    {"durationRound", "v", duration_round},
    {"ago", "v", ago},
};

}  // namespace

std::span<const Function> time_functions() { return kTable; }

}  // namespace sluice::config::tmpl
