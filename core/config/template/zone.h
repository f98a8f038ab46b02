// Time zones of the tz database, from their files (RFC 8536). The C library knows one zone at a time, the process's: a template
// may ask for any, on any thread.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config::tmpl {

struct ZoneKind {
  int offset = 0;  // seconds east of UTC
  std::string name;
};

// A day of each year: Mm.w.d, Jn (29 February is not counted) or n.
struct ZoneDay {
  enum class Form : uint8_t { week, julian, counted };
  Form form = Form::week;
  int month = 0, week = 0, day = 0;
  int time = 0;  // seconds behind the midnight before
  int64_t in(int64_t year) const;  // seconds since 1970, local
};

// What holds after the last transition: a POSIX TZ text.
struct ZoneRule {
  ZoneKind standard, summer;
  bool has_summer = false;
  ZoneDay begin, end;
  bool parse(std::string_view);
  const ZoneKind& at(int64_t seconds) const;
};

class Zone {
 public:
  struct Time {
    int offset = 0;  // seconds east of UTC
    std::string_view name;  // "CEST"; lives as long as the zone
  };
  // nullopt: no such file, or a broken one.
  static std::optional<Zone> parse(std::string_view file);
  Time at(int64_t seconds) const;  // since 1970

 private:
  class Reader;
  std::vector<int64_t> transitions_;  // ascending
  std::vector<uint8_t> kind_of_;      // from that transition on
  std::vector<ZoneKind> kinds_;       // the first one holds before all transitions
  std::optional<ZoneRule> rule_;
};

// The zones of one folder that somebody has asked for. For one thread.
class Zones {
 public:
  explicit Zones(std::string folder = "/usr/share/zoneinfo") : folder_{std::move(folder)} {}
  // "Europe/Berlin"; valid until the next call. nullptr: *why.
  const Zone* find(std::string_view name, std::string* why);

 private:
  static constexpr size_t kKept = 64;
  std::string folder_;
  std::map<std::string, Zone, std::less<>> known_;
};

}  // namespace sluice::config::tmpl
