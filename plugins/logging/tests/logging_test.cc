#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <sluice/testing.hpp>

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "telemetry/logging";

slc_log_record record(int32_t level, std::string_view message) {
  return {sizeof(slc_log_record), level, 1767582249087000000, {message.data(), message.size()}, {nullptr, 0}};
}

int32_t level_of(Configured& c) { return c.table<slc_log_sink>().level(c.object()); }

// What the sink writes to standard output for these messages.
std::string printed(Configured& c, const std::vector<std::pair<int32_t, std::string>>& messages) {
  const auto& t = c.table<slc_log_sink>();
  ::testing::internal::CaptureStdout();
  for (const auto& [level, text] : messages) {
    const slc_log_record r = record(level, text);
    t.write(c.object(), &r);
  }
  t.flush(c.object());
  return ::testing::internal::GetCapturedStdout();
}

}  // namespace

TEST(LoggingTest, WritesMessagesFromItsLevelOn) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, R"({"level": "warning", "stdout": true, "format": "custom", "custom_format": "%{level} %{message}"})",
               SLC_AT_SERVICE};
  ASSERT_TRUE(c.ok()) << host.problem_text();
  EXPECT_EQ(level_of(c), SLC_WARNING);
  EXPECT_EQ(printed(c, {{SLC_INFO, "no"}, {SLC_WARNING, "yes"}, {SLC_CRITICAL, "also"}}), "WARNING yes\nCRITICAL also\n");
}

TEST(LoggingTest, LogstashLinesAreJson) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, R"({"level": "DEBUG", "stdout": true, "format": "logstash", "prefix": "x"})", SLC_AT_SERVICE};
  const std::string line = printed(c, {{SLC_INFO, "say \"hi\""}});
  std::string error;
  const Json j = Json::parse(line, error);
  ASSERT_EQ(error, "") << line;
  EXPECT_EQ(j.find("message")->text, "say \"hi\"");
  EXPECT_EQ(j.find("@timestamp")->text, "2026-01-05T03:04:09.087+00:00");
}

TEST(LoggingTest, AnUnknownFormatIsTheDefaultOne) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, R"({"level": "INFO", "stdout": true, "format": "fancy", "prefix": "P"})", SLC_AT_SERVICE};
  const std::string line = printed(c, {{SLC_INFO, "m"}});
  EXPECT_EQ(line.substr(0, 2), "P ");
  EXPECT_NE(line.find(" \xE2\x96\xB6 INFO\x1b[0m m\n"), std::string::npos) << line;
}

TEST(LoggingTest, OptionsWithoutEffectAreWarnedOf) {
  FakeHost host;
  Configured c{
      host, SLC_ENTRY_SYMBOL, kName,
      R"({"level": "INFO", "stdout": true, "access_log_format": "json", "access_log_custom_format": "%{path}", "access_log_missing_key_marker": "-", "backend": {}})",
      SLC_AT_SERVICE};
  EXPECT_TRUE(c.ok());
  std::string places;
  for (const auto& w : host.warnings()) places += w.pointer + " ";
  EXPECT_EQ(places, "/access_log_format /access_log_custom_format /access_log_missing_key_marker /backend ");
  FakeHost usual;
  Configured d{usual, SLC_ENTRY_SYMBOL, kName, R"({"level": "INFO", "stdout": true, "access_log_format": "default"})", SLC_AT_SERVICE};
  EXPECT_TRUE(usual.warnings().empty()) << "that is the layout there is";
}

TEST(LoggingTest, WithoutADestinationItIsSilent) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, R"({"level": "DEBUG"})", SLC_AT_SERVICE};
  ASSERT_TRUE(c.ok());
  EXPECT_GT(level_of(c), SLC_CRITICAL);
  EXPECT_EQ(printed(c, {{SLC_CRITICAL, "m"}}), "");
}

TEST(LoggingTest, ABadLevelLeavesTheBuiltInLog) {
  for (const char* json : {R"({"stdout": true})", R"({"level": "LOUD", "stdout": true})", R"({"level": 3, "stdout": true})"}) {
    FakeHost host;
    Configured c{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE};
    EXPECT_TRUE(c.asks_for_nothing()) << json;
    ASSERT_EQ(host.warnings().size(), 1u);
    EXPECT_EQ(host.warnings()[0].pointer, "/level");
    EXPECT_TRUE(host.logged("[SERVICE: Logging] Unable to create the logger: logger: invalid log level", SLC_ERROR));
  }
}

TEST(LoggingTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"level": "INFO", "stdout": "yes"})", "/stdout"},
      {R"({"level": "INFO", "syslog": 1})", "/syslog"},
      {R"({"level": "INFO", "prefix": 1})", "/prefix"},
      {R"({"level": "INFO", "format": "custom", "custom_format": "%{nope}"})", "/custom_format"}};
  for (const auto& [json, pointer] : cases) {
    FakeHost host;
    Configured c{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE};
    EXPECT_FALSE(c.ok()) << json;
    EXPECT_TRUE(host.has_problem(pointer)) << host.problem_text();
  }
}

TEST(LoggingTest, AnswersToItsOldName) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "github_com/devopsfaith/krakend-gologging", R"({"level": "INFO"})", SLC_AT_SERVICE};
  EXPECT_TRUE(c.ok());
}

TEST(LoggingTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "telemetry/logging", "{}"};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}
