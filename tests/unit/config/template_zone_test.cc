// Zones of the tz database: files made here, and those of the machine where it has them.
#include "core/config/template/zone.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/config/template_support.h"

namespace sluice::config::tmpl {
namespace {

using namespace std::string_literals;

std::string number(int64_t v, size_t bytes) {
  std::string out;
  for (size_t i = bytes; i-- > 0;) out += static_cast<char>(static_cast<uint64_t>(v) >> (i * 8));
  return out;
}

struct Change {
  int64_t at;
  int kind;
};

// A file of version 2: standard time +1:00 "AAA", summer time +2:00 "BBBB", and what holds for ever after.
std::string zone_file(const std::vector<Change>& changes, const std::string& footer) {
  auto block = [&](size_t word, bool empty) {
    const size_t times = empty ? 0 : changes.size();
    std::string out = "TZif2"s + std::string(15, '\0');
    for (size_t n : {size_t{0}, size_t{0}, size_t{0}, times, size_t{2}, size_t{9}}) out += number(static_cast<int64_t>(n), 4);
    for (size_t i = 0; i < times; ++i) out += number(changes[i].at, word);
    for (size_t i = 0; i < times; ++i) out += static_cast<char>(changes[i].kind);
    out += number(3600, 4) + "\0\0"s + number(7200, 4) + "\1\4"s + "AAA\0BBBB\0"s;
    return out;
  };
  return block(4, true) + block(8, false) + "\n" + footer + "\n";
}

std::string shown(const Zone& z, int64_t at) {
  const Zone::Time t = z.at(at);
  return std::to_string(t.offset) + " " + std::string{t.name};
}

TEST(ZoneTest, TransitionsDecideAndTheRuleGoesOn) {
  auto z = Zone::parse(zone_file({{-1000, 1}, {1000, 0}}, "CCC-3"));
  ASSERT_TRUE(z);
  EXPECT_EQ(shown(*z, -1001), "3600 AAA");
  EXPECT_EQ(shown(*z, -1000), "7200 BBBB");
  EXPECT_EQ(shown(*z, 999), "7200 BBBB");
  EXPECT_EQ(shown(*z, 1000), "10800 CCC");
  z = Zone::parse(zone_file({{-1000, 1}, {1000, 0}}, ""));
  ASSERT_TRUE(z);
  EXPECT_EQ(shown(*z, 1'000'000), "3600 AAA");
  EXPECT_EQ(shown(*Zone::parse(zone_file({}, "")), 0), "3600 AAA");
}

TEST(ZoneTest, RulesOfSummerTimeAreThoseOfPosix) {
  const struct {
    const char* rule;
    int64_t at;
    const char* gives;
  } cases[] = {
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, "3600 CET"},       // 2024-03-31 00:59:59 UTC
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, "7200 CEST"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1729990799, "7200 CEST"},      // 2024-10-27 00:59:59 UTC
      {"CET-1CEST,M3.5.0,M10.5.0/3", 1729990800, "3600 CET"},
      {"EST5EDT,M3.2.0,M11.1.0", 1710053999, "-18000 EST"},         // 2024-03-10 06:59:59 UTC
      {"EST5EDT,M3.2.0,M11.1.0", 1710054000, "-14400 EDT"},
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1704067200, "39600 AEDT"},   // over the turn of the year
      {"AEST-10AEDT,M10.1.0,M4.1.0/3", 1719792000, "36000 AEST"},
      {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1711846800, "-3600 -01"},
      {"<+0330>-3:30", 0, "12600 +0330"},
      {"IST-1GMT0,M10.5.0,M3.5.0/1", 1704067200, "0 GMT"},
      {"AAA0BBB-2,J60/0,J61/0", 1709251200, "7200 BBB"},            // 2024-03-01, whatever February has
      {"AAA0BBB-2,J60/0,J61/0", 1709164800, "0 AAA"},               // 2024-02-29
      {"AAA0BBB-2,59/0,60/0", 1709164800, "7200 BBB"},
  };
  for (const auto& c : cases) {
    auto z = Zone::parse(zone_file({}, c.rule));
    ASSERT_TRUE(z) << c.rule;
    EXPECT_EQ(shown(*z, c.at), c.gives) << c.rule << " " << c.at;
  }
  for (const char* wrong : {"C", "CET", "CET-", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
                            "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,366,5", "<+1-1", "CET-1CEST,M3.5.0,M10.5.0/3x", "CET-168", "CET1:60"})
    EXPECT_FALSE(Zone::parse(zone_file({}, wrong))) << wrong;
}

TEST(ZoneTest, BrokenFilesAreRefused) {
  const std::string good = zone_file({{-1000, 1}, {1000, 0}}, "CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(Zone::parse(good));
  for (size_t n = 0; n < good.size(); ++n) {
    const std::string exact = good.substr(0, n);
    EXPECT_FALSE(Zone::parse(exact)) << n;
  }
  for (size_t i = 0; i < good.size(); ++i)  // nothing reads beyond its end, whatever a byte says
    for (int v : {0, 1, 127, 128, 255}) {
      std::string other = good;
      other[i] = static_cast<char>(v);
      if (auto z = Zone::parse(other))
        for (int64_t at : {INT64_MIN / 1'000'000'000, int64_t{0}, int64_t{1} << 33}) z->at(at);
    }
  EXPECT_FALSE(Zone::parse(zone_file({{1000, 1}, {-1000, 0}}, ""))) << "not in order";
  EXPECT_FALSE(Zone::parse(zone_file({{1000, 2}}, ""))) << "no such kind";
}

TEST(ZonesTest, NamesLeadNowhereButIntoTheFolder) {
  const auto folder = std::filesystem::temp_directory_path() / ("zones" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "in" / "Area");
  std::ofstream{folder / "out"} << zone_file({}, "");
  std::ofstream{folder / "in" / "Area" / "A_b-c+1"} << zone_file({}, "");
  std::ofstream{folder / "in" / "text"} << "no zone";
  Zones zones{(folder / "in").string()};
  std::string why;
  for (const char* name : {"", "/Area/A_b-c+1", "../out", "Area/../../out", "Area//A_b-c+1", "Area/", ".", "Area/.", "a b", "\\out"}) {
    EXPECT_EQ(zones.find(name, &why), nullptr) << name;
    EXPECT_EQ(why, "zones have names such as \"Europe/Berlin\"") << name;
  }
  EXPECT_EQ(zones.find("text", &why), nullptr);
  EXPECT_EQ(why, (folder / "in" / "text").string() + " is no zone");
  EXPECT_EQ(zones.find("Area", &why), nullptr);
  EXPECT_EQ(zones.find("None", &why), nullptr);
  EXPECT_NE(why.find("No such file"), std::string::npos) << why;
  const Zone* z = zones.find("Area/A_b-c+1", &why);
  ASSERT_NE(z, nullptr) << why;
  std::filesystem::remove_all(folder);
  EXPECT_EQ(zones.find("Area/A_b-c+1", &why), z) << "read once";
}

TEST(ZonesTest, TemplatesShowDatesInAnyZone) {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Europe/Berlin")) GTEST_SKIP() << "tzdata is not installed";
  const std::string layout = "\"2006-01-02 15:04:05 -07:00 MST\"";
  const struct {
    const char *zone, *at, *gives;
  } cases[] = {
      {"Europe/Berlin", "1700000000", "2023-11-14 23:13:20 +01:00 CET"},   {"Europe/Berlin", "1720000000", "2024-07-03 11:46:40 +02:00 CEST"},
      {"America/New_York", "1700000000", "2023-11-14 17:13:20 -05:00 EST"}, {"Asia/Kolkata", "1700000000", "2023-11-15 03:43:20 +05:30 IST"},
      {"America/Sao_Paulo", "1700000000", "2023-11-14 19:13:20 -03:00 -03"}, {"Australia/Sydney", "4102444800", "2100-01-01 11:00:00 +11:00 AEDT"},
      {"Etc/GMT+3", "0", "1969-12-31 21:00:00 -03:00 -03"},                 {"", "0", "1970-01-01 00:00:00 +00:00 UTC"},
  };
  for (const auto& c : cases) {
    Outcome out;
    render_into(out, "{{ dateInZone " + layout + " " + c.at + " \"" + c.zone + "\" }}");
    EXPECT_EQ(out.text, c.gives) << c.zone << out.error;
  }
  Outcome out;
  render_into(out, R"({{ htmlDateInZone 1700000000 "Asia/Tokyo" }} {{ date_in_zone "15" 0 "Europe/London" }})");
  EXPECT_EQ(out.text, "2023-11-15 01") << out.error;
}

}  // namespace
}  // namespace sluice::config::tmpl
