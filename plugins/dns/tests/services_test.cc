#include "../services.h"

#include <gtest/gtest.h>

using dns::choose;
using dns::Host;
using dns::Service;
using Hosts = std::vector<Host>;

namespace {

Hosts of(std::vector<Service> records, std::string_view scheme = "http") {
  uint32_t unusable = 0;
  return choose(std::move(records), scheme, &unusable);
}

}  // namespace

TEST(ServicesTest, OnlyTheBestPriorityIsUsed) {
  EXPECT_EQ(of({{"c.test", 3, 20, 5}, {"b.test", 2, 10, 1}, {"a.test", 1, 10, 1}}),
            (Hosts{{"http://a.test:1", 1}, {"http://b.test:2", 1}}));
}

TEST(ServicesTest, WeightsAreInLowestTermsHeaviestFirst) {
  EXPECT_EQ(of({{"a", 1, 1, 20}, {"b", 1, 1, 60}}), (Hosts{{"http://b:1", 3}, {"http://a:1", 1}}));
  EXPECT_EQ(of({{"b", 2, 1, 5}, {"b", 1, 1, 5}}), (Hosts{{"http://b:1", 1}, {"http://b:2", 1}}));
}

TEST(ServicesTest, LargeWeightsAreScaledToAHundredAndWhatRoundsToNothingIsLeftOut) {
  EXPECT_EQ(of({{"a", 1, 1, 60000}, {"b", 1, 1, 20000}}), (Hosts{{"http://a:1", 3}, {"http://b:1", 1}}));
  EXPECT_EQ(of({{"a", 1, 1, 1000}, {"b", 1, 1, 1}}), (Hosts{{"http://a:1", 1}}));
  EXPECT_EQ(of({{"a", 1, 1, 100}, {"b", 1, 1, 50}}), (Hosts{{"http://a:1", 2}, {"http://b:1", 1}})) << "66 and 33";
}

TEST(ServicesTest, WeightZeroIsLeftOutUnlessAllHaveIt) {
  EXPECT_EQ(of({{"a", 1, 1, 0}, {"b", 1, 1, 7}}), (Hosts{{"http://b:1", 1}}));
  EXPECT_EQ(of({{"a", 1, 1, 0}, {"b", 1, 1, 0}}), (Hosts{{"http://a:1", 1}, {"http://b:1", 1}}));
}

TEST(ServicesTest, MoreThanAHundredRecordsKeepAPlaceEach) {
  std::vector<Service> many;
  for (uint16_t i = 0; i < 300; ++i) many.push_back({"h" + std::to_string(i), 80, 1, 2});
  const Hosts hosts = of(many);
  EXPECT_EQ(hosts.size(), 300u);
  for (const Host& h : hosts) EXPECT_EQ(h.weight, 1u);
}

TEST(ServicesTest, TheSchemeIsPutInFrontAndTheRootTakenOff) {
  EXPECT_EQ(of({{"a.example.", 443, 0, 1}}, "https"), (Hosts{{"https://a.example:443", 1}}));
  EXPECT_EQ(of({{"a.example", 80, 0, 1}}, ""), (Hosts{{"http://a.example:80", 1}}));
}

TEST(ServicesTest, WhatIsNoHostNameIsLeftOut) {
  uint32_t unusable = 0;
  for (const char* bad : {"", ".", "a b", "a\r\nX: y", "a@b", "a/b", "a:1", "[::1]", "é", ".a"}) {
    EXPECT_TRUE(choose({{bad, 80, 1, 1}}, "http", &unusable).empty()) << bad;
    EXPECT_EQ(unusable, 1u) << bad;
  }
  EXPECT_TRUE(choose({{"a", 0, 1, 1}}, "http", &unusable).empty());
  EXPECT_EQ(choose({{"a b", 80, 0, 9}, {"good", 80, 5, 1}}, "http", &unusable), (Hosts{{"http://good:80", 1}}))
      << "a record that cannot be used takes no priority from the others";
  EXPECT_TRUE(choose({}, "http", &unusable).empty());
  EXPECT_EQ(unusable, 0u);
}
