#include "../pattern.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

using logging::Pattern;

namespace {

// 2026-01-05 03:04:09.087 UTC, a Monday.
constexpr int64_t kWhen = 1767582249087000000;

std::string written(const Pattern& p, sluice::Level level = sluice::Level::info, std::string_view message = "hello", std::string_view place = {}) {
  const sluice::LogRecord r{level, kWhen, message, place};
  std::string out;
  p.write(out, {&r, 26});
  return out;
}

std::string custom(std::string_view pattern, sluice::Level level = sluice::Level::info, std::string_view message = "hello") {
  std::string why;
  const auto p = Pattern::compile(pattern, why);
  return p ? written(*p, level, message) : "error: " + why;
}

std::string time_text(std::string_view layout) {
  std::string out;
  logging::TimeLayout{layout}.write(out, kWhen, true);
  return out;
}

class Utc : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};
using PatternTest = Utc;

}  // namespace

TEST_F(PatternTest, DefaultFormatIsTheReferencesOne) {
  EXPECT_EQ(written(Pattern::standard("[EDGE]"), sluice::Level::warning),
            "[EDGE] 2026/01/05 - 03:04:09.087 \x1b[33m\xE2\x96\xB6 WARNING\x1b[0m hello");
  EXPECT_EQ(written(Pattern::standard("")), " 2026/01/05 - 03:04:09.087 \xE2\x96\xB6 INFO\x1b[0m hello");
}

TEST_F(PatternTest, APrefixIsNoPattern) { EXPECT_EQ(written(Pattern::standard("%{message}")).substr(0, 10), "%{message}"); }

TEST_F(PatternTest, KnowsEveryVariable) {
  EXPECT_EQ(custom("%{id}|%{id:03x}|%{id:5d}|%{id:-5d}|"), "26|01a|   26|26   |");
  EXPECT_EQ(custom("%{pid}"), std::to_string(::getpid()));
  EXPECT_EQ(custom("%{level:.4s} %{level:10s} %{level:-10s}|", sluice::Level::critical), "CRIT   CRITICAL CRITICAL  |");
  EXPECT_EQ(custom("%{module}: %{message}"), "KRAKEND: hello");
  EXPECT_EQ(custom("%{program}"), program_invocation_short_name);
  EXPECT_EQ(custom("%{time}"), "2026-01-05T03:04:09.087Z+00:00");
  EXPECT_EQ(custom("%{time:15:04}"), "03:04");
  EXPECT_EQ(custom("%{color}x%{color:reset}", sluice::Level::error), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(custom("%{color:bold}x", sluice::Level::error), "\x1b[31;1mx");
  for (const char* place : {"longfile", "shortfile", "longpkg", "shortpkg", "longfunc", "shortfunc", "callpath"}) {
    EXPECT_EQ(custom("%{" + std::string{place} + "}"), "???");
  }
  EXPECT_EQ(custom("100% {} %message"), "100% {} %message");
  EXPECT_EQ(custom(""), "");
}

TEST_F(PatternTest, PlacesComeFromTheConfiguration) {
  std::string why;
  EXPECT_EQ(written(*Pattern::compile("%{shortfile}", why), sluice::Level::info, "m", "[ENDPOINT: /x]"), "[ENDPOINT: /x]");
}

TEST_F(PatternTest, PrecisionCountsCharacters) { EXPECT_EQ(custom("%{message:.2s}", sluice::Level::info, "\xC3\xA9\xC3\xA8\xC3\xA0"), "\xC3\xA9\xC3\xA8"); }

TEST_F(PatternTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(custom("%{nope}"), "error: unknown variable \"nope\"");
  EXPECT_EQ(custom("%{message"), "error: \"%{\" without \"}\"");
  EXPECT_EQ(custom("%{id:s}"), "error: layout \"s\" does not fit variable \"id\"");
  EXPECT_EQ(custom("%{level:99999s}"), "error: layout \"99999s\" does not fit variable \"level\"");
  EXPECT_EQ(custom("%{color:pink}"), "error: unknown colour layout \"pink\"");
}

TEST(TimeLayoutTest, KnowsTheWholeNotation) {
  EXPECT_EQ(time_text("2006-01-02T15:04:05.000"), "2026-01-05T03:04:09.087");
  EXPECT_EQ(time_text("Mon Jan _2 3:4:5 2006"), "Mon Jan  5 3:4:9 2026");
  EXPECT_EQ(time_text("Monday, January 2, 06 03PM pm"), "Monday, January 5, 26 03AM am");
  EXPECT_EQ(time_text("002 1/2"), "005 1/5");
  EXPECT_EQ(time_text("05.000000000 05,0"), "09.087000000 09,0");
  EXPECT_EQ(time_text("05.999999 05.9"), "09.087 09");
  EXPECT_EQ(time_text("-0700 -07:00 -07 Z07:00 Z0700 MST"), "+0000 +00:00 +00 Z Z UTC");
  EXPECT_EQ(time_text("plain 'words' .5"), "plain 'words' .9");
}

TEST(TimeLayoutTest, WritesTheZoneOfTheMachine) {
  setenv("TZ", "XST-05:30", 1);
  tzset();
  std::string out;
  logging::TimeLayout{"15:04 -07:00 Z0700 MST"}.write(out, kWhen, false);
  EXPECT_EQ(out, "08:34 +05:30 +0530 XST");
}

TEST(LogstashTest, EscapesTheMessageAndWritesUtc) {
  setenv("TZ", "XST-05:30", 1);
  tzset();
  const sluice::LogRecord r{sluice::Level::error, kWhen, "a \"b\"\n\\ \x01 \xC3\xA9 \xFF", {}};
  std::string out;
  logging::write_logstash(out, r);
  EXPECT_EQ(out,
            "{\"@timestamp\":\"2026-01-05T03:04:09.087+00:00\", \"@version\": 1, \"level\": \"ERROR\", \"message\": "
            "\"a \\\"b\\\"\\n\\\\ \\u0001 \xC3\xA9 \xEF\xBF\xBD\", \"module\": \"KRAKEND\"}");
}

TEST(JsonTextTest, ReplacesEveryKindOfBrokenSequence) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\x80", "\xEF\xBF\xBD"},                          // a tail alone
      {"\xC3", "\xEF\xBF\xBD"},                          // cut short
      {"\xC0\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD"},          // overlong
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // surrogate
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},          // well-formed
      {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}};  // beyond U+10FFFF
  for (const auto& [in, expected] : cases) {
    std::string out;
    logging::append_json_text(out, in);
    EXPECT_EQ(out, '"' + std::string{expected} + '"');
  }
}

TEST(LevelTest, AnyLetterCaseAndNotice) {
  EXPECT_EQ(logging::level_of("debug"), sluice::Level::debug);
  EXPECT_EQ(logging::level_of("Critical"), sluice::Level::critical);
  EXPECT_EQ(logging::level_of("NOTICE"), sluice::Level::warning);
  EXPECT_EQ(logging::level_of(""), std::nullopt);
  EXPECT_EQ(logging::level_of("WARN"), std::nullopt);
}
