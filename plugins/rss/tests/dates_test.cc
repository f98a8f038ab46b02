#include "../dates.h"

#include <gtest/gtest.h>

namespace sluice::rss {
namespace {

TEST(FeedDatesTest, FormsThatFeedsUseBecomeRfc3339InUtc) {
  struct Case {
    const char *in, *out;
  };
  for (auto [in, out] : {Case{"Mon, 02 Jan 2023 15:04:05 GMT", "2023-01-02T15:04:05Z"},
                         {"Mon, 2 Jan 2023 15:04:05 +0130", "2023-01-02T13:34:05Z"},
                         {"02 January 23 15:04 EST", "2023-01-02T20:04:00Z"},
                         {"Monday, 02-Jan-95 15:04:05 UTC", "1995-01-02T15:04:05Z"},
                         {"Jan 2, 2023", "2023-01-02T00:00:00Z"},
                         {"2023-01-02T03:04:05Z", "2023-01-02T03:04:05Z"},
                         {"2023-01-01T23:30:00.120-01:00", "2023-01-02T00:30:00.12Z"},
                         {"2023-01-02 03:04", "2023-01-02T03:04:00Z"},
                         {"2023-01-02", "2023-01-02T00:00:00Z"},
                         {" 2023-01 ", "2023-01-01T00:00:00Z"},
                         {"2023", "2023-01-01T00:00:00Z"}})
    EXPECT_EQ(to_rfc3339(in), out) << in;
}

TEST(FeedDatesTest, WhatIsNoDateIsNothing) {
  for (const char* in :
       {"", "yesterday", "2023-13-01", "2023-02-30", "32 Jan 2023", "2023-01-02T25:00:00Z", "Mon,", "2023-", "1 Foo 2023", "0000-01-01T00:00:00+23:00"})
    EXPECT_EQ(to_rfc3339(in), "") << in;
}

}  // namespace
}  // namespace sluice::rss
