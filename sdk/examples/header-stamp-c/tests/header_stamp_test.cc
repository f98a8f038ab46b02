// The test binary is built of the plugin's sources, so the entry is simply there.
#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(HeaderStampTest, StampsEveryAnswer) {
  FakeHost host;
  Configured stamp{host, SLC_ENTRY_SYMBOL, "example/header-stamp", R"({"header": "X-Served-By", "value": "eu-1"})"};
  ASSERT_TRUE(stamp.ok()) << host.problem_text();
  FakeExchange x{host};
  x.add_header(SLC_RESPONSE, "x-served-by", "somebody else");
  EXPECT_EQ(stamp.on_response(x), SLC_NEXT);
  EXPECT_EQ(x.header(SLC_RESPONSE, "X-Served-By"), "eu-1");
  EXPECT_EQ(x.lines(SLC_RESPONSE).size(), 1u) << "what was there is replaced";
}

TEST(HeaderStampTest, HasNothingToDoOnTheWayIn) {
  FakeHost host;
  Configured stamp{host, SLC_ENTRY_SYMBOL, "example/header-stamp", R"({"header": "X-Served-By", "value": "eu-1"})"};
  EXPECT_EQ(stamp.table<slc_middleware>().on_request, nullptr);
}

TEST(HeaderStampTest, ReportsEveryProblemAtItsPlace) {
  FakeHost host;
  Configured stamp{host, SLC_ENTRY_SYMBOL, "example/header-stamp", R"({"header": "two words", "value": "a\r\nX-Evil: b"})"};
  EXPECT_FALSE(stamp.ok());
  EXPECT_TRUE(host.has_problem("/header")) << host.problem_text();
  EXPECT_TRUE(host.has_problem("/value")) << host.problem_text();
}

TEST(HeaderStampTest, AnEmptyValueIsAValue) {
  FakeHost host;
  Configured stamp{host, SLC_ENTRY_SYMBOL, "example/header-stamp", R"({"header": "X-Served-By", "value": ""})"};
  ASSERT_TRUE(stamp.ok()) << host.problem_text();
  FakeExchange x{host};
  stamp.on_response(x);
  ASSERT_EQ(x.lines(SLC_RESPONSE).size(), 1u);
  EXPECT_EQ(x.lines(SLC_RESPONSE)[0].value, "");
}
