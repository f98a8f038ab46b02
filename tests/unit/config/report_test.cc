#include "core/config/report.h"

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

std::string place(const SourceText& source, std::string pointer) {
  Issue issue{Issue::Severity::error, std::move(pointer), "m", {}};
  source.locate(issue);
  return std::to_string(issue.line) + ":" + std::to_string(issue.column);
}

TEST(ReportTest, PointersBecomePlacesOfKeysAndElements) {
  SourceText source{"f", "{\n  \"a\": [1,\n    {\"b\": \"}\"}],\n  \"c/d~e\": {\"\": 0, \"\\u0061\\n\": 2}\n}\n"};
  EXPECT_EQ(place(source, ""), "1:1");
  EXPECT_EQ(place(source, "/a"), "2:3");
  EXPECT_EQ(place(source, "/a/0"), "2:9");
  EXPECT_EQ(place(source, "/a/1"), "3:5");
  EXPECT_EQ(place(source, "/a/1/b"), "3:6");
  EXPECT_EQ(place(source, "/c~1d~0e"), "4:3");
  EXPECT_EQ(place(source, "/c~1d~0e/"), "4:13");
  EXPECT_EQ(place(source, "/c~1d~0e/a\n"), "4:20");
}

TEST(ReportTest, NearestParentStandsForWhatIsMissing) {
  SourceText source{"f", "\n {\"a\":\n [{\"b\": 1}]}"};
  EXPECT_EQ(place(source, "/x"), "2:2");
  EXPECT_EQ(place(source, "/a/0/x/y"), "3:3");
  EXPECT_EQ(place(source, "/a/7"), "2:3");
  EXPECT_EQ(place(source, "/a/0/b/c"), "3:4");
}

TEST(ReportTest, SurrogatePairsInKeysAreOneCharacter) {
  SourceText source{"f", "{\"\\ud83d\\ude00\": 1, \"z\": 2}"};
  EXPECT_EQ(place(source, "/\xf0\x9f\x98\x80"), "1:2");
}

TEST(ReportTest, LocatingStaysInsideBrokenTexts) {
  const std::string text = "{\"a\": [1, {\"b\\u0061\": \"x\\\"\"}], \"c\": {\"d\": null}}";
  for (size_t n = 0; n <= text.size(); ++n) {
    SourceText source{"f", text.substr(0, n)};
    for (auto pointer : {"", "/a/1/ba", "/c/d", "/zzz"}) {
      Issue issue{Issue::Severity::error, pointer, "m", {}};
      source.locate(issue);
      EXPECT_LE(issue.line, 1u);
      EXPECT_LE(issue.column, n + 1);
    }
  }
}

TEST(ReportTest, FormatIsSortedByPositionOneLineEach) {
  Report report;
  report.error("/b", "second\nline");
  report.warning("/a", "first");
  report.error("", "whole");
  EXPECT_TRUE(report.failed());
  report.locate(SourceText{"dir/f.json", "{\"a\": 1,\n \"b\": 2}"});
  EXPECT_EQ(report.format(),
            "dir/f.json:1:1: error: whole\n"
            "dir/f.json:1:2: warning: /a: first\n"
            "dir/f.json:2:2: error: /b: second\\x0aline\n");
}

TEST(ReportTest, WarningsAloneDoNotFail) {
  Report report;
  report.warning("/a", "x");
  EXPECT_FALSE(report.failed());
  EXPECT_EQ(report.format(), "warning: /a: x\n");
}

TEST(ReportTest, JoinEscapesTokens) {
  EXPECT_EQ(join("", "a"), "/a");
  EXPECT_EQ(join("/a", "b/c~d"), "/a/b~1c~0d");
  EXPECT_EQ(join("/a", size_t{12}), "/a/12");
}

TEST(ReportTest, AllProblemsAreToldAtOnce) {
  std::string text = problems(R"({
  "version": 2,
  "port": "x",
  "listen_ip": "localhost",
  "host": ["ftp://a", "b"],
  "endpoints": [
    {"endpoint": "/x", "timeout": "2", "backend": [{"url_pattern": "/{a}"}]},
    {"endpoint": "/y"},
    5
  ]
})");
  EXPECT_EQ(
      text,
      "c.json:2:3: error: /version: unsupported version: found 2, expected \"version\": 3\n"
      "c.json:3:3: error: /port: expected a whole number, found the text \"x\"\n"
      "c.json:4:3: error: /listen_ip: expected an IPv4 or IPv6 address, found \"localhost\"\n"
      "c.json:5:12: error: /host/0: invalid host \"ftp://a\": only http:// and https:// are known "
      "(disable_host_sanitize takes a host as it is)\n"
      "c.json:7:24: error: /endpoints/0/timeout: expected a duration such as \"2s\" or \"1h30m\", found \"2\"; its "
      "unit is missing (ns, us, ms, s, m, h)\n"
      "c.json:7:53: error: /endpoints/0/backend/0/url_pattern: undefined parameter {a}: the endpoint /x declares none\n"
      "c.json:8:5: error: /endpoints/1/backend: GET /y has no backend; expected a list of at least one\n"
      "c.json:9:5: error: /endpoints/2: expected an object, found the number 5\n");
}

}  // namespace
}  // namespace sluice::config
