#include "../control.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace http_cache;

namespace {

Control control_of(std::initializer_list<const char*> lines) {
  Control c;
  for (const char* l : lines) c.add(l);
  return c;
}

}  // namespace

TEST(ControlTest, ReadsTheThreeFormsOfADate) {
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parse_date("Thu, 29 Feb 2024 00:00:00 GMT"), 1709164800);
  EXPECT_EQ(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
}

TEST(ControlTest, WhatIsNoDateIsNone) {
  for (const char* bad : {"", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nix 1994 08:49:37 GMT", "abc,", ",", "Sun"})
    EXPECT_EQ(parse_date(bad), std::nullopt) << bad;
  const std::string whole = "Sunday, 06-Nov-94 08:49:37 GMT";
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(parse_date(std::string_view{whole}.substr(0, n)), std::nullopt) << n;
}

TEST(ControlTest, ReadsDirectives) {
  const Control c = control_of({"No-Store , MAX-AGE=60", "public,must-revalidate,stale-if-error", "max-stale=5, min-fresh=\"7\""});
  EXPECT_TRUE(c.no_store && c.is_public && c.must_revalidate && c.stale_if_error.given && c.max_stale.given);
  EXPECT_FALSE(c.no_cache || c.is_private || c.only_if_cached || c.s_maxage);
  EXPECT_EQ(c.max_age, 60);
  EXPECT_EQ(c.min_fresh, 7);
  EXPECT_EQ(c.max_stale.seconds, 5);
  EXPECT_EQ(c.stale_if_error.seconds, std::nullopt);
}

TEST(ControlTest, TheStricterOfTwoCountsAndNonsenseIsZero) {
  EXPECT_EQ(control_of({"max-age=60, max-age=10"}).max_age, 10);
  EXPECT_EQ(control_of({"max-age=soon"}).max_age, 0);
  EXPECT_EQ(control_of({"max-age=-5"}).max_age, 0);
  EXPECT_EQ(control_of({"max-age"}).max_age, 0);
  EXPECT_EQ(control_of({"max-age=99999999999999999999"}).max_age, 1LL << 31);
  EXPECT_EQ(control_of({""}).max_age, std::nullopt);
}

TEST(ControlTest, CommasInQuotesEndNoItem) {
  const Control c = control_of({R"(private="a, no-store", x="\", no-cache")"});
  EXPECT_TRUE(c.is_private);
  EXPECT_FALSE(c.no_store || c.no_cache);
  std::vector<std::string> items;
  each_item(" a ,, b;q=\"1,2\" ,c", [&](std::string_view i) { items.emplace_back(i); });
  EXPECT_EQ(items, (std::vector<std::string>{"a", "b;q=\"1,2\"", "c"}));
}

TEST(ControlTest, TheLifetimeIsMaxAgeElseExpiresElseNothing) {
  EXPECT_EQ(lifetime_of(control_of({"max-age=5"}), 100, true, 200), 5);
  EXPECT_EQ(lifetime_of({}, 100, true, 160), 60);
  EXPECT_EQ(lifetime_of({}, 100, true, 50), 0);
  EXPECT_EQ(lifetime_of({}, 100, true, std::nullopt), 0) << "Expires: 0";
  EXPECT_EQ(lifetime_of({}, 100, false, std::nullopt), 0);
  EXPECT_EQ(lifetime_of(control_of({"s-maxage=50"}), 100, false, std::nullopt), 0) << "as in the reference";
}

TEST(ControlTest, JudgesFreshness) {
  const Control none, answer = control_of({"max-age=60"});
  EXPECT_EQ(judge(none, answer, 100, 60, 159), Verdict::fresh);
  EXPECT_EQ(judge(none, answer, 100, 60, 160), Verdict::stale);
  EXPECT_EQ(judge(none, answer, std::nullopt, 60, 100), Verdict::stale);
  EXPECT_EQ(judge(control_of({"no-cache"}), answer, 100, 60, 101), Verdict::skip);
  EXPECT_EQ(judge(none, control_of({"no-cache"}), 100, 60, 101), Verdict::stale);
  EXPECT_EQ(judge(control_of({"only-if-cached"}), answer, 100, 60, 500), Verdict::fresh);
  EXPECT_EQ(judge(control_of({"max-age=10"}), answer, 100, 60, 115), Verdict::stale);
  EXPECT_EQ(judge(control_of({"max-age=100"}), answer, 100, 60, 190), Verdict::fresh);
  EXPECT_EQ(judge(control_of({"min-fresh=30"}), answer, 100, 60, 135), Verdict::stale);
  EXPECT_EQ(judge(control_of({"max-stale"}), answer, 100, 60, 9999), Verdict::fresh);
  EXPECT_EQ(judge(control_of({"max-stale=20"}), answer, 100, 60, 170), Verdict::fresh);
  EXPECT_EQ(judge(control_of({"max-stale=20"}), answer, 100, 60, 190), Verdict::stale);
  EXPECT_EQ(judge(control_of({"max-stale"}), control_of({"must-revalidate"}), 100, 60, 170), Verdict::stale);
}

TEST(ControlTest, AnOldAnswerServesOnErrorWhereSomebodyAllowsIt) {
  const Control none, any = control_of({"stale-if-error"}), some = control_of({"stale-if-error=60"});
  EXPECT_FALSE(serve_on_error(none, none, 100, 110));
  EXPECT_TRUE(serve_on_error(none, any, std::nullopt, 9999));
  EXPECT_TRUE(serve_on_error(any, none, 100, 9999));
  EXPECT_TRUE(serve_on_error(none, some, 100, 159));
  EXPECT_FALSE(serve_on_error(none, some, 100, 160));
  EXPECT_FALSE(serve_on_error(any, control_of({"must-revalidate"}), 100, 110));
}
