// The plugin's shared object is linked in, so its entry is simply there; what calls it is what a gateway would be.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

TEST(PathGuardTest, RefusesForbiddenPaths) {
  FakeHost host;
  Configured guard{host, SLC_ENTRY_SYMBOL, "example/path-guard", R"({"forbid": ["/internal/*", "*.bak"]})", SLC_AT_SERVICE};
  ASSERT_TRUE(guard.ok()) << host.problem_text();
  for (const char* path : {"/internal/", "/internal/users", "/index.bak"}) {
    FakeExchange x{host, SLC_AT_SERVICE};
    x.path = path;
    EXPECT_EQ(guard.on_request(x), SLC_REPLY) << path;
    EXPECT_EQ(x.status, 403);
    EXPECT_EQ(x.header(SLC_RESPONSE, "Content-Type"), "application/json");
    EXPECT_EQ(x.response_body, R"({"message":"not for everybody"})");
  }
  for (const char* path : {"/", "/internal", "/orders", "/bak"}) {
    FakeExchange x{host, SLC_AT_SERVICE};
    x.path = path;
    EXPECT_EQ(guard.on_request(x), SLC_NEXT) << path;
  }
}

TEST(PathGuardTest, ReportsPatternsThatMatchNothing) {
  FakeHost host;
  Configured guard{host, SLC_ENTRY_SYMBOL, "example/path-guard", R"({"forbid": ["/a", "internal/*", "*", "x"]})", SLC_AT_SERVICE};
  EXPECT_FALSE(guard.ok());
  EXPECT_TRUE(host.has_problem("/forbid/1")) << host.problem_text();
  EXPECT_TRUE(host.has_problem("/forbid/3")) << host.problem_text();
  EXPECT_EQ(host.problems().size(), 2u);
}

}  // namespace
