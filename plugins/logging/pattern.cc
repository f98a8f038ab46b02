#include "pattern.h"

#include <errno.h>  // program_invocation_short_name
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace logging {
namespace {

constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kDays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
constexpr std::string_view kReset = "\x1b[0m";

// INFO has no colour of its own, as in the reference.
std::string_view colour_of(sluice::Level level, bool bold) {
  switch (level) {
    case sluice::Level::debug: return bold ? "\x1b[36;1m" : "\x1b[36m";
    case sluice::Level::warning: return bold ? "\x1b[33;1m" : "\x1b[33m";
    case sluice::Level::error: return bold ? "\x1b[31;1m" : "\x1b[31m";
    case sluice::Level::critical: return bold ? "\x1b[35;1m" : "\x1b[35m";
    default: return {};
  }
}

void put_digits(std::string& out, int64_t n, int width) {
  char buffer[24];
  int at = sizeof buffer;
  do buffer[--at] = static_cast<char>('0' + n % 10), n /= 10, --width;
  while (n != 0);
  while (width-- > 0) buffer[--at] = '0';
  out.append(buffer + at, sizeof buffer - static_cast<size_t>(at));
}

// Length of the UTF-8 sequence that begins s, or 0 when there is none (RFC 3629 §4).
size_t sequence_length(std::string_view s) {
  const auto at = [&](size_t i) { return i < s.size() ? static_cast<unsigned char>(s[i]) : 0u; };
  const auto tail = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned c = at(0), d = at(1);
  if (c < 0x80) return 1;
  if (c >= 0xC2 && c < 0xE0) return tail(1) ? 2 : 0;
  if (c >= 0xE0 && c < 0xF0) {
    const bool fits = (c != 0xE0 || d >= 0xA0) && (c != 0xED || d < 0xA0);
    return fits && tail(1) && tail(2) ? 3 : 0;
  }
  if (c >= 0xF0 && c < 0xF5) {
    const bool fits = (c != 0xF0 || d >= 0x90) && (c != 0xF4 || d < 0x90);
    return fits && tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string_view level_name(sluice::Level level) {
  constexpr std::string_view names[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
  const int i = static_cast<int>(level) - static_cast<int>(sluice::Level::debug);
  return names[std::clamp(i, 0, 4)];
}

std::optional<sluice::Level> level_of(std::string_view name) {
  std::string upper{name};
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  if (upper == "NOTICE") return sluice::Level::warning;
  for (int i = SLC_DEBUG; i <= SLC_CRITICAL; ++i) {
    if (upper == level_name(static_cast<sluice::Level>(i))) return static_cast<sluice::Level>(i);
  }
  return std::nullopt;
}

// ---- time ----

// The longest element of the notation that begins `s`.
std::pair<TimeLayout::Part, size_t> TimeLayout::next(std::string_view s) {
  struct Entry {
    std::string_view text;
    Part part;
  };
  static constexpr Entry kEntries[] = {
      {"January", Part::month_name}, {"Jan", Part::month_short},    {"Monday", Part::weekday},    {"Mon", Part::weekday_short},
      {"MST", Part::zone_name},      {"2006", Part::year},          {"002", Part::day_of_year},   {"01", Part::month},
      {"02", Part::day},             {"03", Part::hour12},          {"04", Part::minute},         {"05", Part::second},
      {"06", Part::year2},           {"15", Part::hour24},          {"1", Part::month1},          {"2", Part::day1},
      {"_2", Part::day_blank},       {"3", Part::hour12_1},         {"4", Part::minute1},         {"5", Part::second1},
      {"PM", Part::am_pm},           {"pm", Part::am_pm_small},     {"-07:00", Part::zone_colon}, {"-0700", Part::zone},
      {"-07", Part::zone_hours},     {"Z07:00", Part::zone_z_colon}, {"Z0700", Part::zone_z},
  };
  for (const Entry& e : kEntries) {
    if (s.substr(0, e.text.size()) != e.text) continue;
    // "_2006" is a blank before a year, and "Jan" within a longer word is no month.
    if (e.part == Part::day_blank && s.substr(1, 4) == "2006") return {Part::text, 0};
    if (e.part == Part::month_short && s.size() > 3 && s[3] >= 'a' && s[3] <= 'z') return {Part::text, 0};
    return {e.part, e.text.size()};
  }
  if (s.size() > 1 && (s[0] == '.' || s[0] == ',') && (s[1] == '0' || s[1] == '9')) {
    size_t n = 1;
    while (n < s.size() && s[n] == s[1]) ++n;
    const bool ends = n == s.size() || s[n] < '0' || s[n] > '9';
    if (ends) return {s[1] == '0' ? Part::fraction : Part::fraction_trimmed, n};
  }
  return {Part::text, 0};
}

TimeLayout::TimeLayout(std::string_view layout) {
  while (!layout.empty()) {
    const auto [part, length] = next(layout);
    if (length == 0) {
      if (pieces_.empty() || pieces_.back().part != Part::text) pieces_.push_back({Part::text});
      pieces_.back().text += layout[0];
      layout.remove_prefix(1);
      continue;
    }
    Piece p{part};
    if (part == Part::fraction || part == Part::fraction_trimmed) {
      p.digits = static_cast<uint8_t>(std::min<size_t>(length - 1, 9));
      p.text = layout[0];
    }
    pieces_.push_back(std::move(p));
    layout.remove_prefix(length);
  }
}

void TimeLayout::write(std::string& out, int64_t unix_ns, bool utc) const {
  int64_t ns = unix_ns % 1000000000;
  time_t seconds = static_cast<time_t>(unix_ns / 1000000000);
  if (ns < 0) ns += 1000000000, --seconds;
  tm t{};
  if (utc) gmtime_r(&seconds, &t);
  else localtime_r(&seconds, &t);
  const int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  const auto zone = [&](bool z, bool colon, bool minutes) {
    const long offset = t.tm_gmtoff;
    if (z && offset == 0) return void(out += 'Z');
    const long a = offset < 0 ? -offset : offset;
    out += offset < 0 ? '-' : '+';
    put_digits(out, a / 3600, 2);
    if (!minutes) return;
    if (colon) out += ':';
    put_digits(out, a / 60 % 60, 2);
  };
  for (const Piece& p : pieces_) {
    switch (p.part) {
      case Part::text: out += p.text; break;
      case Part::year: put_digits(out, t.tm_year + 1900, 4); break;
      case Part::year2: put_digits(out, t.tm_year % 100, 2); break;
      case Part::month: put_digits(out, t.tm_mon + 1, 2); break;
      case Part::month1: put_digits(out, t.tm_mon + 1, 1); break;
      case Part::month_name: out += kMonths[t.tm_mon]; break;
      case Part::month_short: out += kMonths[t.tm_mon].substr(0, 3); break;
      case Part::day: put_digits(out, t.tm_mday, 2); break;
      case Part::day1: put_digits(out, t.tm_mday, 1); break;
      case Part::day_blank:
        if (t.tm_mday < 10) out += ' ';
        put_digits(out, t.tm_mday, 1);
        break;
      case Part::day_of_year: put_digits(out, t.tm_yday + 1, 3); break;
      case Part::weekday: out += kDays[t.tm_wday]; break;
      case Part::weekday_short: out += kDays[t.tm_wday].substr(0, 3); break;
      case Part::hour24: put_digits(out, t.tm_hour, 2); break;
      case Part::hour12: put_digits(out, hour12, 2); break;
      case Part::hour12_1: put_digits(out, hour12, 1); break;
      case Part::minute: put_digits(out, t.tm_min, 2); break;
      case Part::minute1: put_digits(out, t.tm_min, 1); break;
      case Part::second: put_digits(out, t.tm_sec, 2); break;
      case Part::second1: put_digits(out, t.tm_sec, 1); break;
      case Part::fraction:
      case Part::fraction_trimmed: {
        std::string digits;
        put_digits(digits, ns, 9);
        digits.resize(p.digits);
        if (p.part == Part::fraction_trimmed) {
          while (!digits.empty() && digits.back() == '0') digits.pop_back();
        }
        if (!digits.empty()) out.append(p.text).append(digits);
        break;
      }
      case Part::am_pm: out += t.tm_hour < 12 ? "AM" : "PM"; break;
      case Part::am_pm_small: out += t.tm_hour < 12 ? "am" : "pm"; break;
      case Part::zone_name: out += utc ? "UTC" : t.tm_zone; break;
      case Part::zone: zone(false, false, true); break;
      case Part::zone_colon: zone(false, true, true); break;
      case Part::zone_hours: zone(false, false, false); break;
      case Part::zone_z: zone(true, false, true); break;
      case Part::zone_z_colon: zone(true, true, true); break;
    }
  }
}

// ---- patterns ----

bool Pattern::parse_layout(std::string_view s, char verb, Layout& out) {
  out = Layout{};
  out.verb = verb;
  if (s.empty()) return true;
  if (s[0] == '%') s.remove_prefix(1);
  const auto number = [&](int& n) {
    n = 0;
    while (!s.empty() && s[0] >= '0' && s[0] <= '9' && n < 1000) n = n * 10 + (s[0] - '0'), s.remove_prefix(1);
    return n < 1000;
  };
  for (; !s.empty() && (s[0] == '-' || s[0] == '0'); s.remove_prefix(1)) (s[0] == '-' ? out.left : out.zero) = true;
  if (!number(out.width)) return false;
  if (!s.empty() && s[0] == '.') {
    s.remove_prefix(1);
    if (!number(out.precision)) return false;
  }
  if (s.size() != 1) return false;
  out.verb = s[0];
  const std::string_view verbs = verb == 'd' ? "dxXobv" : "sv";
  return verbs.find(out.verb) != std::string_view::npos;
}

std::optional<Pattern> Pattern::compile(std::string_view text, std::string& why) {
  struct Known {
    std::string_view name;
    Field field;
  };
  static constexpr Known kKnown[] = {
      {"id", Field::id},           {"pid", Field::pid},         {"time", Field::time},       {"level", Field::level},
      {"module", Field::module},   {"program", Field::program}, {"message", Field::message}, {"color", Field::colour},
      // Places in the reference's sources; here the place in the configuration stands for them.
      {"longfile", Field::place},  {"shortfile", Field::place}, {"longpkg", Field::place},   {"shortpkg", Field::place},
      {"longfunc", Field::place},  {"shortfunc", Field::place}, {"callpath", Field::place}};
  Pattern out;
  while (!text.empty()) {
    const size_t open = text.find("%{");
    if (open != 0) {
      const std::string_view plain = text.substr(0, open);
      out.pieces_.push_back({Field::text, std::string{plain}});
      text.remove_prefix(plain.size());
      continue;
    }
    const size_t close = text.find('}');
    if (close == std::string_view::npos) return why = "\"%{\" without \"}\"", std::nullopt;
    const std::string_view inner = text.substr(2, close - 2);
    text.remove_prefix(close + 1);
    const size_t colon = inner.find(':');
    const std::string_view name = inner.substr(0, colon);
    const std::string_view layout = colon == std::string_view::npos ? std::string_view{} : inner.substr(colon + 1);
    const auto known = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.name == name; });
    if (known == std::end(kKnown)) return why = "unknown variable \"" + std::string{name} + '"', std::nullopt;
    Piece p{known->field};
    if (p.field == Field::time) {
      p.time.emplace(layout.empty() ? std::string_view{"2006-01-02T15:04:05.999Z-07:00"} : layout);
    } else if (p.field == Field::colour) {
      if (layout == "bold") p.field = Field::colour_bold;
      else if (layout == "reset") p.field = Field::colour_reset;
      else if (!layout.empty()) return why = "unknown colour layout \"" + std::string{layout} + '"', std::nullopt;
    } else if (!parse_layout(layout, p.field == Field::id || p.field == Field::pid ? 'd' : 's', p.layout)) {
      return why = "layout \"" + std::string{layout} + "\" does not fit variable \"" + std::string{name} + '"', std::nullopt;
    }
    out.pieces_.push_back(std::move(p));
  }
  return out;
}

Pattern Pattern::standard(std::string_view prefix) {
  std::string why;
  Pattern out = *compile(" %{time:2006/01/02 - 15:04:05.000} %{color}\xE2\x96\xB6 %{level}%{color:reset} %{message}", why);
  out.pieces_.insert(out.pieces_.begin(), Piece{Field::text, std::string{prefix}});
  return out;
}

void Pattern::put_text(std::string& out, std::string_view s, const Layout& l) {
  // Widths and precisions count characters, not bytes.
  size_t characters = 0, bytes = 0;
  while (bytes < s.size() && (l.precision < 0 || characters < static_cast<size_t>(l.precision))) {
    bytes += std::max<size_t>(1, sequence_length(s.substr(bytes)));
    ++characters;
  }
  s = s.substr(0, bytes);
  const size_t pad = characters < static_cast<size_t>(l.width) ? static_cast<size_t>(l.width) - characters : 0;
  if (!l.left) out.append(pad, l.zero ? '0' : ' ');
  out += s;
  if (l.left) out.append(pad, ' ');
}

void Pattern::put_number(std::string& out, uint64_t n, const Layout& l) {
  const unsigned base = l.verb == 'x' || l.verb == 'X' ? 16 : l.verb == 'o' ? 8 : l.verb == 'b' ? 2 : 10;
  const char* digits = l.verb == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  char buffer[64];
  size_t at = sizeof buffer;
  do buffer[--at] = digits[n % base], n /= base;
  while (n != 0);
  std::string text(std::max<int64_t>(0, l.precision - static_cast<int64_t>(sizeof buffer - at)), '0');
  text.append(buffer + at, sizeof buffer - at);
  Layout padding = l;
  padding.precision = -1;
  put_text(out, text, padding);
}

void Pattern::write(std::string& out, const Line& line) const {
  const sluice::LogRecord& r = *line.record;
  for (const Piece& p : pieces_) {
    switch (p.field) {
      case Field::text: out += p.text; break;
      case Field::id: put_number(out, line.id, p.layout); break;
      case Field::pid: put_number(out, static_cast<uint64_t>(::getpid()), p.layout); break;
      case Field::time: p.time->write(out, r.unix_ns, false); break;
      case Field::level: put_text(out, level_name(r.level), p.layout); break;
      case Field::module: put_text(out, "KRAKEND", p.layout); break;  // what collectors are set up to find
      case Field::program: put_text(out, program_invocation_short_name, p.layout); break;
      case Field::message: put_text(out, r.message, p.layout); break;
      case Field::place: put_text(out, r.place.empty() ? std::string_view{"???"} : r.place, p.layout); break;
      case Field::colour: out += colour_of(r.level, false); break;
      case Field::colour_bold: out += colour_of(r.level, true); break;
      case Field::colour_reset: out += kReset; break;
    }
  }
}

void append_json_text(std::string& out, std::string_view s) {
  std::string clean;
  clean.reserve(s.size());
  while (!s.empty()) {
    const size_t n = sequence_length(s);
    clean += n == 0 ? std::string_view{"\xEF\xBF\xBD"} : s.substr(0, n);
    s.remove_prefix(std::max<size_t>(n, 1));
  }
  sluice::append_json_string(out, clean);
}

void write_logstash(std::string& out, const sluice::LogRecord& r) {
  static const TimeLayout time{"2006-01-02T15:04:05.000"};
  out += "{\"@timestamp\":\"";
  time.write(out, r.unix_ns, true);
  out += "+00:00\", \"@version\": 1, \"level\": \"";
  out += level_name(r.level);
  out += "\", \"message\": ";
  append_json_text(out, r.message);
  out += ", \"module\": \"KRAKEND\"}";
}

}  // namespace logging
