#include "core/log/format.h"

#include <gtest/gtest.h>

#include <ctime>

namespace sluice::log {
namespace {

template <auto F>
std::string made(std::string_view s) {
  std::string out;
  F(out, s);
  return out;
}

std::string duration(uint64_t ns) {
  std::string out;
  append_duration(out, ns);
  return out;
}

TEST(FormatTest, DurationsLookAsInGo) {
  EXPECT_EQ(duration(0), "0s");
  EXPECT_EQ(duration(1), "1ns");
  EXPECT_EQ(duration(43600), "43.6µs");
  EXPECT_EQ(duration(1190000), "1.19ms");
  EXPECT_EQ(duration(2908323), "2.908323ms");
  EXPECT_EQ(duration(1000000000), "1s");
  EXPECT_EQ(duration(1050000000), "1.05s");
  EXPECT_EQ(duration(62500000000), "1m2.5s");
  EXPECT_EQ(duration(3600000000000), "1h0m0s");
  EXPECT_EQ(duration(90061000000001), "25h1m1.000000001s");
}

TEST(FormatTest, QuotedTextKeepsWordsAndEscapesWhatCouldForgeALine) {
  EXPECT_EQ(made<append_quoted>("/a?b=c"), "\"/a?b=c\"");
  EXPECT_EQ(made<append_quoted>("/\"\\"), "\"/\\\"\\\\\"");
  EXPECT_EQ(made<append_quoted>("a\r\nb\tc\x1b[31m\x7f"), "\"a\\r\\nb\\tc\\x1b[31m\\x7f\"");
  EXPECT_EQ(made<append_quoted>("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(made<append_quoted>("\xc3"), "\"\\xc3\"");
  EXPECT_EQ(made<append_quoted>("\xc0\xaf"), "\"\\xc0\\xaf\"");
  EXPECT_EQ(made<append_quoted>("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
  EXPECT_EQ(made<append_quoted>("\xe2\x80\xa8\xc2\x85"), "\"\\u2028\\u0085\"");
}

TEST(FormatTest, JsonStringsEscapeWhatJsonForbids) {
  EXPECT_EQ(made<append_json_string>("a\"b\\c/\b\f\n\r\t"), "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\"");
  EXPECT_EQ(made<append_json_string>(std::string_view{"\0\x1f\x7f", 3}), "\"\\u0000\\u001f\\u007f\"");
  EXPECT_EQ(made<append_json_string>("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
  EXPECT_EQ(made<append_json_string>("\xff\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(made<append_json_string>("\xe2\x80\xa9"), "\"\\u2029\"");
}

TEST(FormatTest, NoControlCharacterLeavesAnyOfThem) {
  for (int i = 0; i < 256; ++i) {
    std::string one(1, static_cast<char>(i));
    for (char c : made<append_json_string>(one) + made<append_quoted>(one) + made<append_printable>(one))
      EXPECT_TRUE((static_cast<uint8_t>(c) >= 0x20 && c != 0x7f) || (i == '\t' && c == '\t')) << i;
  }
}

struct FormatterTest : ::testing::Test {
  static void SetUpTestSuite() {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
  static constexpr int64_t kWhen = 1795412231'345678000;  // 2026-11-23 05:37:11 UTC
  std::string out;
};

TEST_F(FormatterTest, PlainMessage) {
  Formatter{Formatter::Style::plain}.message(out, Level::debug, kWhen, "[ENDPOINT: /x] a\nb");
  EXPECT_EQ(out, "2026/11/23 05:37:11 SLUICE DEBUG: [ENDPOINT: /x] a\\nb\n");
}

TEST_F(FormatterTest, ColouredMessageColoursTheLevelOnly) {
  Formatter{Formatter::Style::colour}.message(out, Level::error, kWhen, "x");
  EXPECT_EQ(out, "2026/11/23 05:37:11 SLUICE \x1b[31mERROR\x1b[0m: x\n");
}

TEST_F(FormatterTest, JsonMessageIsOneObjectALine) {
  Formatter{Formatter::Style::json}.message(out, Level::warning, kWhen, "a\"b\n");
  EXPECT_EQ(out, "{\"time\":\"2026-11-23T05:37:11.345678+00:00\",\"level\":\"WARNING\",\"message\":\"a\\\"b\\n\"}\n");
}

TEST_F(FormatterTest, AccessLineHasTheLayoutThatDashboardsParse) {
  Formatter f{Formatter::Style::plain};
  f.access(out, kWhen, {200, 2908323, "127.0.0.1", "GET", "/lam/5?q=1", {}});
  EXPECT_EQ(out, "[GIN] 2026/11/23 - 05:37:11 | 200 |    2.908323ms |       127.0.0.1 | GET      \"/lam/5?q=1\"\n");
  out.clear();
  f.access(out, kWhen, {404, 43600, "::1", "OPTIONS", "/", {}});
  EXPECT_EQ(out, "[GIN] 2026/11/23 - 05:37:11 | 404 |        43.6µs |             ::1 | OPTIONS  \"/\"\n");
}

TEST_F(FormatterTest, LatencyBeyondAMinuteHasWholeSeconds) {
  Formatter{Formatter::Style::plain}.access(out, kWhen, {200, 61999999999, "a", "GET", "/", {}});
  EXPECT_NE(out.find("|          1m1s |"), std::string::npos) << out;
}

TEST_F(FormatterTest, ErrorsOfARequestFollowOnLinesOfTheirOwn) {
  Formatter{Formatter::Style::plain}.access(out, kWhen, {500, 1, "a", "GET", "/", "Error #01: x\rs\nError #02: y\n"});
  EXPECT_EQ(out.substr(out.find('\n') + 1), "Error #01: x\\rs\nError #02: y\n");
}

TEST_F(FormatterTest, AccessAsJson) {
  Formatter{Formatter::Style::json}.access(out, kWhen, {502, 1500, "::1", "GET", "/\"", "Error #01: x"});
  EXPECT_EQ(out,
            "{\"time\":\"2026-11-23T05:37:11.345678+00:00\",\"type\":\"access\",\"status\":502,\"latency_ns\":1500,"
            "\"client_ip\":\"::1\",\"method\":\"GET\",\"target\":\"/\\\"\",\"error\":\"Error #01: x\"}\n");
}

}  // namespace
}  // namespace sluice::log
