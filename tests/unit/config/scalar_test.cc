// Durations and hosts.
#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

int64_t ns(std::string_view s) {
  auto d = parse_duration(s);
  EXPECT_TRUE(d) << s;
  return d ? d->count() : -1;
}

TEST(DurationTest, UnitsMixInAnyOrder) {
  EXPECT_EQ(ns("0"), 0);
  EXPECT_EQ(ns("0s"), 0);
  EXPECT_EQ(ns("2s"), 2000000000);
  EXPECT_EQ(ns("+2s"), 2000000000);
  EXPECT_EQ(ns("-1s"), -1000000000);
  EXPECT_EQ(ns("1h2m3.5s4us"), 3723500004000);
  EXPECT_EQ(ns("3us1h3us"), 3600000006000);
  EXPECT_EQ(ns("1\xc2\xb5s"), 1000);
  EXPECT_EQ(ns("1\xce\xbcs"), 1000);
  EXPECT_EQ(ns(".5s"), 500000000);
  EXPECT_EQ(ns("5.s"), 5000000000);
  EXPECT_EQ(ns("1.5ms"), 1500000);
  EXPECT_EQ(ns("0.3333333333333333333h"), 1200000000000 - 1);
  EXPECT_EQ(ns("100ns"), 100);
}

TEST(DurationTest, MalformedAndTooLargeAreRefused) {
  for (auto s : {"", "2", "1d", "s", ".s", "-", "+", "1.2.3s", "1 s", " 1s", "1s ", "1S", "--1s", "1h2", "0x1s",
                 "9223372036854775808ns", "2562048h", "99999999999999999999s", "1e3s"})
    EXPECT_FALSE(parse_duration(s)) << s;
  EXPECT_EQ(ns("9223372036854775807ns"), INT64_MAX);
  EXPECT_EQ(ns("-9223372036854775808ns"), INT64_MIN);
  EXPECT_FALSE(parse_duration("-9223372036854775809ns"));
  EXPECT_FALSE(parse_duration("9223372036854775807ns1ns"));
}

TEST(HostTest, SchemeAndPortStayAndTheFinalSlashGoes) {
  std::pair<const char*, const char*> cases[] = {
      {"a", "http://a"},
      {"a:80", "http://a:80"},
      {"a_b.c-d:99", "http://a_b.c-d:99"},
      {"https://a:8080/", "https://a:8080"},
      {"http://a", "http://a"},
      {"a:8", "http://a:8"},
      {"http://1.2.3.4:65535", "http://1.2.3.4:65535"},
  };
  for (auto [in, out] : cases) EXPECT_EQ(clean_host(in, nullptr).value_or("refused"), out) << in;
}

TEST(HostTest, AnythingElseIsRefusedWithAReason) {
  for (auto s : {"", "http://", "http://a/p", "http://a/?q=1", "a:1234567", "a:65536", "ftp://a", "tcp://a:80",
                 "unix:///x", "HTTP://A", "http://user:p@a", "http://[::1]:80", "http://\xc3\xa9", "\xc3\xa9", "a b",
                 "a\nb", "http://a:80:90"}) {
    std::string why;
    EXPECT_FALSE(clean_host(s, &why)) << s;
    EXPECT_FALSE(why.empty()) << s;
  }
}

}  // namespace
}  // namespace sluice::config
