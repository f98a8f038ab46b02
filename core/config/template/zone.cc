#include "core/config/template/zone.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "core/base/file.h"
#include "core/base/text.h"

namespace sluice::config::tmpl {
namespace {

constexpr size_t kLongestFile = 256 * 1024, kLongestName = 64;
constexpr int64_t kDay = 86400;

bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Names lead nowhere but into the folder.
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  bool begins = true;
  for (char c : name) {
    if (c == '/' ? begins : !(is_letter(c) || (!begins && (is_digit(c) || c == '_' || c == '-' || c == '+')))) return false;
    begins = c == '/';
  }
  return !begins;
}

// Reads a POSIX TZ text from the left.
class TzText {
 public:
  explicit TzText(std::string_view s) : s_{s} {}
  bool at_end() const { return s_.empty(); }
  bool begins(char c) const { return s_.starts_with(c); }
  bool take(char c) {
    if (!begins(c)) return false;
    s_.remove_prefix(1);
    return true;
  }
  bool name(std::string* out) {
    const bool quoted = take('<');
    size_t n = 0;
    while (n < s_.size() && (is_letter(s_[n]) || (quoted && (is_digit(s_[n]) || s_[n] == '+' || s_[n] == '-')))) ++n;
    if (n < 3 || n > 32) return false;
    *out = s_.substr(0, n);
    s_.remove_prefix(n);
    return !quoted || take('>');
  }
  bool number(int most, int* out) {
    size_t n = 0;
    int value = 0;
    for (; n < s_.size() && n < 3 && is_digit(s_[n]); ++n) value = value * 10 + (s_[n] - '0');
    s_.remove_prefix(n);
    *out = value;
    return n > 0 && value <= most;
  }
  // [+-]hh[:mm[:ss]]
  bool time(int* out) {
    const int sign = take('-') ? -1 : 1;
    if (sign > 0) take('+');
    int h = 0, m = 0, s = 0;
    if (!number(167, &h) || (take(':') && (!number(59, &m) || (take(':') && !number(59, &s))))) return false;
    *out = sign * (h * 3600 + m * 60 + s);
    return true;
  }

 private:
  std::string_view s_;
};

}  // namespace

int64_t ZoneDay::in(int64_t year) const {
  using namespace std::chrono;
  const auto y = std::chrono::year{static_cast<int>(year)};
  const auto days = [&]() -> sys_days {
    if (form == Form::week) {
      const auto m = y / std::chrono::month{static_cast<unsigned>(month)};
      const weekday wanted{static_cast<unsigned>(day)};
      return week == 5 ? sys_days{m / wanted[last]} : sys_days{m / wanted[static_cast<unsigned>(week)]};
    }
    const sys_days first{y / January / 1};
    if (form == Form::counted) return first + std::chrono::days{day};
    return first + std::chrono::days{day - 1 + (y.is_leap() && day >= 60 ? 1 : 0)};
  }();
  return days.time_since_epoch().count() * kDay + time;
}

bool ZoneRule::parse(std::string_view text) {
  TzText tz{text};
  auto kind = [&](ZoneKind& out, bool may_lack, int otherwise) {
    if (!tz.name(&out.name)) return false;
    out.offset = otherwise;
    if (may_lack && (tz.at_end() || tz.begins(','))) return true;
    int west = 0;
    if (!tz.time(&west)) return false;
    out.offset = -west;
    return true;
  };
  auto day = [&](ZoneDay& out) {
    if (!tz.take(',')) return false;
    if (tz.take('M')) {
      if (!tz.number(12, &out.month) || !tz.take('.') || !tz.number(5, &out.week) || !tz.take('.') || !tz.number(6, &out.day)) return false;
      if (out.month < 1 || out.week < 1) return false;
    } else {
      out.form = tz.take('J') ? ZoneDay::Form::julian : ZoneDay::Form::counted;
      if (!tz.number(365, &out.day) || (out.form == ZoneDay::Form::julian && out.day < 1)) return false;
    }
    out.time = 2 * 3600;
    return !tz.take('/') || tz.time(&out.time);
  };
  if (!kind(standard, false, 0)) return false;
  if (tz.at_end()) return true;
  has_summer = true;
  return kind(summer, true, standard.offset + 3600) && day(begin) && day(end) && tz.at_end();
}

const ZoneKind& ZoneRule::at(int64_t seconds) const {
  if (!has_summer) return standard;
  using namespace std::chrono;
  const auto year = static_cast<int>(year_month_day{floor<days>(sys_seconds{std::chrono::seconds{seconds}})}.year());
  const int64_t from = begin.in(year) - standard.offset, to = end.in(year) - summer.offset;
  // South of the equator summer is over the turn of the year.
  const bool is_summer = from < to ? seconds >= from && seconds < to : seconds >= from || seconds < to;
  return is_summer ? summer : standard;
}

// The numbers of a file, big endian.
class Zone::Reader {
 public:
  explicit Reader(std::string_view s) : s_{s} {}
  size_t left() const { return s_.size(); }
  std::string_view take(size_t n) {
    std::string_view out = s_.substr(0, n);
    s_.remove_prefix(out.size());
    return out;
  }
  int64_t number(size_t bytes) {
    uint64_t v = s_.empty() || !(s_[0] & 0x80) ? 0 : UINT64_MAX;
    for (char c : take(bytes)) v = v << 8 | static_cast<unsigned char>(c);
    return static_cast<int64_t>(v);
  }

  struct Head {
    int version = 0;
    size_t utc = 0, standard = 0, leap = 0, times = 0, kinds = 0, chars = 0;
    size_t size(size_t word) const { return times * (word + 1) + kinds * 6 + chars + leap * (word + 4) + standard + utc; }
  };
  // False: no head, or one that promises more than there is.
  bool head(Head* h, size_t word) {
    if (left() < 44 || take(4) != "TZif") return false;
    h->version = take(1)[0];
    take(15);
    for (size_t* n : {&h->utc, &h->standard, &h->leap, &h->times, &h->kinds, &h->chars}) {
      *n = static_cast<size_t>(number(4)) & 0xFFFFFFFF;
      if (*n > kLongestFile) return false;
    }
    return h->size(word) <= left();
  }

 private:
  std::string_view s_;
};

std::optional<Zone> Zone::parse(std::string_view file) {
  Reader in{file};
  Reader::Head h;
  size_t word = 4;
  if (file.size() > kLongestFile || !in.head(&h, word)) return std::nullopt;
  if (h.version >= '2') {  // the same again, with wider times
    in.take(h.size(word));
    word = 8;
    if (!in.head(&h, word)) return std::nullopt;
  }
  if (h.kinds < 1 || h.kinds > 256) return std::nullopt;
  Zone z;
  for (size_t i = 0; i < h.times; ++i) z.transitions_.push_back(in.number(word));
  for (char c : in.take(h.times)) z.kind_of_.push_back(static_cast<uint8_t>(c));
  std::vector<size_t> names;
  for (size_t i = 0; i < h.kinds; ++i) {
    z.kinds_.push_back({static_cast<int>(in.number(4)), {}});
    in.take(1);
    names.push_back(static_cast<unsigned char>(in.take(1)[0]));
  }
  const std::string_view chars = in.take(h.chars);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] >= chars.size() || std::abs(z.kinds_[i].offset) > 7 * kDay) return std::nullopt;
    const std::string_view from = chars.substr(names[i]);
    z.kinds_[i].name = from.substr(0, from.find('\0'));
  }
  if (!std::is_sorted(z.transitions_.begin(), z.transitions_.end())) return std::nullopt;
  if (std::any_of(z.kind_of_.begin(), z.kind_of_.end(), [&](uint8_t k) { return k >= z.kinds_.size(); })) return std::nullopt;
  if (word == 4) return z;
  in.take(h.leap * (word + 4) + h.standard + h.utc);
  std::string_view footer = in.take(in.left());
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return std::nullopt;
  footer = footer.substr(1, footer.size() - 2);
  if (footer.empty()) return z;
  return z.rule_.emplace().parse(footer) ? std::optional{std::move(z)} : std::nullopt;
}

Zone::Time Zone::at(int64_t seconds) const {
  const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), seconds);
  const ZoneKind* k = &kinds_[0];
  if (next == transitions_.end() && rule_) k = &rule_->at(seconds);
  else if (next != transitions_.begin()) k = &kinds_[kind_of_[static_cast<size_t>(next - transitions_.begin()) - 1]];
  return {k->offset, k->name};
}

const Zone* Zones::find(std::string_view name, std::string* why) {
  if (auto it = known_.find(name); it != known_.end()) return &it->second;
  if (!is_zone_name(name)) {
    *why = "zones have names such as \"Europe/Berlin\"";
    return nullptr;
  }
  const std::string path = folder_ + "/" + std::string{name};
  auto file = read_file(path, kLongestFile);
  if (!file) {
    *why = path + " " + file.error().message + "; zones are in the package tzdata, \"UTC\" and \"Local\" are always there";
    return nullptr;
  }
  auto zone = Zone::parse(*file);
  if (!zone) {
    *why = path + " is no zone";
    return nullptr;
  }
  if (known_.size() >= kKept) known_.clear();
  return &known_.emplace(name, std::move(*zone)).first->second;
}

}  // namespace sluice::config::tmpl
