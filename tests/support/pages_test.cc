// What is read from a page: runs with their backends, requests and answers.
#include <gtest/gtest.h>

#include "tests/support/pages.h"

namespace sluice::test {
namespace {

PageRequest only_request(const std::string& commands) {
  const auto runs = runs_of("<!-- run -->\n```json\n{\"version\": 3}\n```\n```console\n" + commands + "\n```\n");
  return runs.at(0).requests.at(0);
}

TEST(PageTest, ARunIsAConfigurationWithWhatFollows) {
  const auto runs = runs_of(
      "```json\n{}\n```\n<!-- backend: /before = 1 -->\n"
      "<!-- run -->\n```json\n\"endpoints\": []\n```\n"
      "<!-- backend: http://a:8080/x 404 [A: b c] = {\"n\":1} -->\n<!-- backend: http://b:8080 refuses -->\n<!-- calls: /x 2 -->\n"
      "<!-- backend: /y -->\n```xml\n<r/>\n```\n"
      "```console\n$ curl -i localhost:8080/x\nHTTP/1.1 404 Not Found\n\n$ curl localhost:8080/y\n{}\n```\n"
      "<!-- run -->\n```json\n{\"version\": 3}\n```\n");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].config, "{\"version\": 3, \"endpoints\": []\n}");
  ASSERT_EQ(runs[0].backends.size(), 3u);
  const PageBackend& x = runs[0].backends[0];
  EXPECT_EQ(x.host, "http://a:8080");
  EXPECT_EQ(x.path, "/x");
  EXPECT_EQ(x.reply.status, 404);
  EXPECT_EQ(x.reply.headers.get("A"), "b c");
  EXPECT_EQ(x.reply.body, "{\"n\":1}");
  EXPECT_EQ(runs[0].backends[1].how, PageBackend::How::refuses);
  EXPECT_EQ(runs[0].backends[2].reply.body, "<r/>\n");
  EXPECT_EQ(runs[0].backends[2].reply.headers.get("Content-Type"), "application/xml");
  ASSERT_EQ(runs[0].requests.size(), 2u);
  EXPECT_EQ(runs[0].requests[0].answer, "HTTP/1.1 404 Not Found\n\n");
  EXPECT_TRUE(runs[0].requests[0].with_head);
  EXPECT_EQ(runs[0].requests[1].answer, "{}\n");
  EXPECT_EQ(runs[0].calls, (std::vector<std::pair<std::string, int>>{{"/x", 2}}));
  EXPECT_TRUE(runs[1].requests.empty());
}

TEST(PageTest, CommandsAreReadAsAShellAndCurlWould) {
  PageRequest r = only_request("$ curl -X PUT -H 'X-A: b  c' \\\n    -H \"Accept:\" 'http://localhost:8080/a?b=c d'");
  EXPECT_EQ(r.method, "PUT");
  EXPECT_EQ(r.target, "/a?b=c d");
  EXPECT_EQ(r.headers.get("X-A"), "b  c");
  EXPECT_FALSE(r.headers.has("Accept"));
  EXPECT_EQ(r.headers.get("Host"), "localhost:8080");
  r = only_request("$ curl -A bot -d 'a=1' https://localhost:8080");
  EXPECT_TRUE(r.tls);
  EXPECT_EQ(r.method, "POST");
  EXPECT_EQ(r.target, "/");
  EXPECT_EQ(r.headers.get("User-Agent"), "bot");
  EXPECT_EQ(r.headers.get("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_THROW(only_request("$ curl --unknown localhost:8080/"), Failure);
  EXPECT_THROW(only_request("$ curl -H"), Failure);
}

TEST(PageTest, DotsStandForAnyText) {
  EXPECT_TRUE(is_shown("a", "a"));
  EXPECT_FALSE(is_shown("a", "ab"));
  EXPECT_TRUE(is_shown("a…", "ab"));
  EXPECT_TRUE(is_shown("…b…d", "abcd"));
  EXPECT_FALSE(is_shown("…b…d", "abcde"));
  EXPECT_FALSE(is_shown("a…c…b", "ab"));
  EXPECT_FALSE(is_shown("ab…b", "ab"));
}

TEST(PageTest, ATableIsReadCellByCell) {
  const auto runs = runs_of(
      "<!-- run -->\n```json\n{\"version\": 3}\n```\n<!-- matrix -->\n"
      "| Body | `a` | b |\n|---|---|---|\n| `{}` | 500 | `x⏎y` |\n| (empty) | `1` | `2` |\n");
  const PageMatrix& m = runs.at(0).matrices.at(0);
  EXPECT_EQ(m.columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(m.rows, (std::vector<std::vector<std::string>>{{"{}", "500", "x\ny"}, {"", "1", "2"}}));
}

}  // namespace
}  // namespace sluice::test
