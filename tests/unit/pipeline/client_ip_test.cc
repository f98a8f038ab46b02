#include "core/pipeline/client_ip.h"

#include <gtest/gtest.h>

namespace sluice::pipeline {
namespace {

class ClientIpTest : public testing::Test {
 protected:
  std::string find(std::initializer_list<http::Header> list, std::string_view peer = "10.0.0.9") {
    http::Headers headers{arena_};
    for (const auto& h : list) headers.add(h.name, h.value);
    return std::string{ClientIpRule{options_}.find(headers, peer)};
  }
  config::RouterOptions options_;
  BlockPool pool_;
  Arena arena_{pool_};
};

TEST_F(ClientIpTest, PeerWithoutHeaders) { EXPECT_EQ(find({}), "10.0.0.9"); }
TEST_F(ClientIpTest, LeftmostWhenEverybodyIsTrusted) { EXPECT_EQ(find({{"x-forwarded-for", "1.1.1.1, 2.2.2.2"}}), "1.1.1.1"); }
TEST_F(ClientIpTest, RealIpIsTheSecondChoice) {
  EXPECT_EQ(find({{"X-Real-IP", "3.3.3.3"}}), "3.3.3.3");
  EXPECT_EQ(find({{"X-Real-IP", "3.3.3.3"}, {"X-Forwarded-For", "1.1.1.1"}}), "1.1.1.1");
}
TEST_F(ClientIpTest, RubbishMakesAHeaderUnusable) { EXPECT_EQ(find({{"X-Forwarded-For", "x, 2.2.2.2"}}), "10.0.0.9"); }
TEST_F(ClientIpTest, FirstUntrustedFromTheRight) {
  options_.trusted_proxies = {"10.0.0.0/8"};
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1, 2.2.2.2, 10.1.2.3"}}), "2.2.2.2");
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}, "8.8.8.8"), "8.8.8.8");
}
TEST_F(ClientIpTest, AnIPv4AddressWrittenAsIPv6IsTheSame) {
  options_.trusted_proxies = {"::ffff:10.0.0.9"};
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}), "1.1.1.1");
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}, "10.0.0.8"), "10.0.0.8");
  options_.trusted_proxies = {"::ffff:10.0.0.0/120"};
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}, "10.0.0.8"), "1.1.1.1");
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}, "10.0.1.8"), "10.0.1.8");
}
TEST_F(ClientIpTest, SeveralLinesAreOneListSoAClientCannotChooseItsAddressByALineOfItsOwn) {
  options_.trusted_proxies = {"10.0.0.0/8"};
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "2.2.2.2"}}), "2.2.2.2");
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1, 3.3.3.3"}, {"X-Forwarded-For", "10.1.2.3"}}), "3.3.3.3");
  EXPECT_EQ(find({{"X-Forwarded-For", "10.1.1.1"}, {"X-Forwarded-For", ""}, {"X-Forwarded-For", "10.1.2.3"}}), "10.1.1.1");
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "rubbish"}}), "10.0.0.9");
}
TEST_F(ClientIpTest, UnusableEntryTrustsNobody) {
  options_.trusted_proxies = {"0.0.0.0/0", "::/0", "nonsense"};
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}), "10.0.0.9");
}
TEST_F(ClientIpTest, SwitchedOffTakesThePeer) {
  options_.forwarded_by_client_ip = false;
  EXPECT_EQ(find({{"X-Forwarded-For", "1.1.1.1"}}), "10.0.0.9");
}
TEST_F(ClientIpTest, VersionSixWorks) {
  options_.trusted_proxies = {"fd00::/8"};
  EXPECT_EQ(find({{"X-Forwarded-For", "2001:db8::1, fd00::7"}}, "fd00::1"), "2001:db8::1");
}

}  // namespace
}  // namespace sluice::pipeline
