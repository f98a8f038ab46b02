// Line patterns of the application log: "%{time:2006/01/02} %{level:.4s} %{message}". Compiled when the configuration is
// read, written on the logging thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/plugin.hpp>

namespace logging {

// "DEBUG", "INFO", …: what the reference writes, with NOTICE between INFO and WARNING as a threshold only.
std::string_view level_name(sluice::Level);
// Any letter case; nullopt: not a level. NOTICE answers warning: there are no messages of that level here.
std::optional<sluice::Level> level_of(std::string_view name);

struct Line {
  const sluice::LogRecord* record;
  uint64_t id;  // sequence number of the line
};

// A time layout in the reference's notation, where 2006-01-02 15:04:05.000 stands for the parts of a date.
class TimeLayout {
 public:
  explicit TimeLayout(std::string_view layout);
  void write(std::string& out, int64_t unix_ns, bool utc) const;

 private:
  enum class Part : uint8_t {
    text, year, year2, month, month1, month_name, month_short, day, day1, day_blank, weekday, weekday_short, hour24, hour12, hour12_1,
    minute, minute1, second, second1, fraction, fraction_trimmed, am_pm, am_pm_small, zone_name, zone, zone_colon, zone_z, zone_z_colon,
    zone_hours, day_of_year
  };
  struct Piece {
    Part part;
    uint8_t digits = 0;
    std::string text{};
  };
  static std::pair<Part, size_t> next(std::string_view layout);  // length 0: plain text
  std::vector<Piece> pieces_;
};

class Pattern {
 public:
  // nullopt: `why` says what is wrong.
  static std::optional<Pattern> compile(std::string_view text, std::string& why);
  // The pattern of format "default", with a prefix before it.
  static Pattern standard(std::string_view prefix);
  // One line without its newline.
  void write(std::string& out, const Line&) const;

 private:
  enum class Field : uint8_t { text, id, pid, time, level, module, program, message, place, colour, colour_bold, colour_reset };
  // printf-like layout of one field.
  struct Layout {
    char verb = 's';
    bool left = false, zero = false;
    int width = 0, precision = -1;
  };
  struct Piece {
    Field field;
    std::string text{};
    Layout layout{};
    std::optional<TimeLayout> time{};
  };
  static bool parse_layout(std::string_view, char verb, Layout&);
  static void put_text(std::string& out, std::string_view, const Layout&);
  static void put_number(std::string& out, uint64_t, const Layout&);

  std::vector<Piece> pieces_;
};

// One JSON object per line, as format "logstash" writes it. Unlike the reference's, its strings are escaped and its time is
// the UTC it claims to be.
void write_logstash(std::string& out, const sluice::LogRecord&);

// A JSON string with quotes; bytes that are no UTF-8 become U+FFFD, for a collector refuses lines that are not.
void append_json_text(std::string& out, std::string_view);

}  // namespace logging
