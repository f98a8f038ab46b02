// Redirects of the router, as the client gets them (pipeline.md §2.2).
#include <gtest/gtest.h>

#include "tests/unit/pipeline/fixture.h"

namespace sluice::pipeline::testing {
namespace {

std::string two_endpoints() {
  return R"({"endpoint": "/a/b", "backend": [{"extra_config": {"call": {}}}]}, {"endpoint": "/c/d/", "backend": [{"extra_config": {"call": {}}}]})";
}

TEST(RedirectTest, ASlashTooManyOrTooFewIsPutRight) {
  Pipeline p{two_endpoints()};
  EXPECT_EQ(p.request("/a/b/").location, "/a/b");
  EXPECT_EQ(p.request("/c/d").location, "/c/d/");
}

TEST(RedirectTest, APrefixThatAProxyTookOffIsPutBack) {
  Pipeline p{two_endpoints()};
  const http::Header prefix{"x-forwarded-prefix", "/shop//v1/"};
  FakeStream& client = p.request("/a/b/", "GET", prefix);
  EXPECT_EQ(client.status, 301);
  EXPECT_EQ(client.location, "/shop/v1/a/b");
  EXPECT_EQ(client.text, "<a href=\"/shop/v1/a/b\">Moved Permanently</a>.\n\n");
  EXPECT_EQ(p.request("/c/d", "GET", prefix).location, "/shop/v1/c/d/");
  EXPECT_EQ(p.request("/a/b/", "GET", {"X-Forwarded-Prefix", "https://evil.example//"}).location, "/https/evilexample/a/b");
}

TEST(RedirectTest, ARedirectToAnotherSpellingHasNoPrefix) {
  Pipeline p{two_endpoints()};
  EXPECT_EQ(p.request("/A/B", "GET", {"X-Forwarded-Prefix", "/shop"}).location, "/a/b");
  EXPECT_EQ(p.request("//a/b", "GET", {"X-Forwarded-Prefix", "/shop"}).location, "/a/b");
  Pipeline fixed_only{two_endpoints(), R"("extra_config": {"router": {"disable_redirect_trailing_slash": true}}, )"};
  EXPECT_EQ(fixed_only.request("/a/b/", "GET", {"X-Forwarded-Prefix", "/shop"}).location, "/a/b") << "found by the other rule";
}

}  // namespace
}  // namespace sluice::pipeline::testing
