// Proxies of the environment: which origin goes where.
#include "core/http/proxy.h"

#include <gtest/gtest.h>

#include <map>

namespace sluice::http {
namespace {

ProxyRules rules(std::map<std::string, std::string> environment) {
  return ProxyRules{[&](const char* name) -> const char* {
    auto it = environment.find(name);
    return it == environment.end() ? nullptr : it->second.c_str();
  }};
}
std::string where(const ProxyRules& r, std::string_view host, uint16_t port = 80, bool tls = false) {
  auto p = r.find(tls, host, port);
  return p ? p->name() : "direct";
}

TEST(ProxyRulesTest, NothingSetMeansDirectly) {
  EXPECT_EQ(where(rules({}), "a.example"), "direct");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", ""}}), "a.example"), "direct");
  EXPECT_EQ(where(rules({{"NO_PROXY", "*"}}), "a.example"), "direct");
}

TEST(ProxyRulesTest, EachSchemeHasItsOwnAndUpperCaseNamesLead) {
  ProxyRules r = rules({{"HTTP_PROXY", "http://P.example:3128"}, {"http_proxy", "q:1"}, {"https_proxy", "s.example"}});
  EXPECT_EQ(where(r, "a.example"), "p.example:3128");
  EXPECT_EQ(where(r, "a.example", 443, true), "s.example:80");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", "http://p/"}}), "a.example", 443, true), "direct");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", ""}, {"http_proxy", "[::2]:8"}}), "a.example"), "[::2]:8");
}

TEST(ProxyRulesTest, CredentialsBecomeAHeader) {
  ProxyRules r = rules({{"HTTP_PROXY", "http://ada:s%40cret@p:1"}});
  ASSERT_TRUE(r.find(false, "a.example", 80));
  EXPECT_EQ(r.find(false, "a.example", 80)->authorization, "Basic YWRhOnNAY3JldA==");
  EXPECT_EQ(where(r, "a.example"), "p:1");
  EXPECT_EQ(rules({{"HTTP_PROXY", "ada@p"}}).find(false, "a", 80)->authorization, "Basic YWRhOg==");
}

TEST(ProxyRulesTest, WhatCannotBeUsedIsToldWithoutTheSecret) {
  for (const char* value : {"socks5://u:hidden@p", "https://u:hidden@p", "http://u:hidden@", "http://u:hidden@p:0", "http://u:hidden@p:99999",
                            "http://u:hid%zzden@p", "http://u:hidden@p/path", "http://u:hidden@p q", "http://u:hidden@[::1"}) {
    ProxyRules r = rules({{"HTTPS_PROXY", value}});
    ASSERT_EQ(r.problems().size(), 1u) << value;
    EXPECT_NE(r.problems()[0].find("HTTPS_PROXY cannot be used"), std::string::npos);
    EXPECT_EQ(r.problems()[0].find("hid"), std::string::npos) << r.problems()[0];
    EXPECT_EQ(where(r, "a.example", 443, true), "direct");
  }
}

TEST(ProxyRulesTest, TheMachineItselfIsAlwaysCalledDirectly) {
  ProxyRules r = rules({{"HTTP_PROXY", "p"}});
  for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "::1"}) EXPECT_EQ(where(r, host), "direct") << host;
  for (const char* host : {"localhost.example", "128.0.0.1", "::2", "0.0.0.0"}) EXPECT_EQ(where(r, host), "p:80") << host;
}

TEST(ProxyRulesTest, ExceptionsAreNamesAddressesNetworksAndPorts) {
  ProxyRules r =
      rules({{"HTTP_PROXY", "p"},
             {"NO_PROXY",
              " Example.com , .sub.org,*.star.net,10.0.0.0/8,192.168.1.7,fe80::/10,port.example:81,[fd00::1]:82, bad/1, /8,300.0.0.0/8,10.0.0.0/99,x:y,"}});
  for (const char* host : {"example.com", "a.example.com", "a.b.example.com", "a.sub.org", "a.star.net", "10.1.2.3", "192.168.1.7", "fe80::1", "febf::1"})
    EXPECT_EQ(where(r, host), "direct") << host;
  for (const char* host :
       {"badexample.com", "example.org", "sub.org", "star.net", "11.0.0.1", "192.168.1.8", "fec0::1", "port.example", "fd00::1", "::ffff", "bad"})
    EXPECT_EQ(where(r, host), "p:80") << host;
  EXPECT_EQ(where(r, "port.example", 81), "direct");
  EXPECT_EQ(where(r, "www.port.example", 81), "direct");
  EXPECT_EQ(where(r, "fd00::1", 82), "direct");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", "p"}, {"no_proxy", "a,*"}}), "b"), "direct");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", "p"}, {"no_proxy", "10.128.0.0/9"}}), "10.127.0.1"), "p:80");
  EXPECT_EQ(where(rules({{"HTTP_PROXY", "p"}, {"no_proxy", "10.128.0.0/9"}}), "10.200.0.1"), "direct");
}

}  // namespace
}  // namespace sluice::http
