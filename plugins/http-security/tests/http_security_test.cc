#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <sluice/testing.hpp>

#include "../redirect.h"

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

namespace {

constexpr auto kName = "security/http";

struct Case {
  FakeHost host;
  Configured security;
  explicit Case(std::string_view json) : security{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE} {
    EXPECT_TRUE(security.ok()) << host.problem_text();
  }
  // Both hooks, as far as they are reached.
  slc_action play(FakeExchange& x) {
    const slc_action a = security.on_request(x);
    if (a == SLC_NEXT) {
      EXPECT_EQ(security.on_response(x), SLC_NEXT);
    }
    return a;
  }
  bool serves(std::string_view asked) {
    FakeExchange x{host, SLC_AT_SERVICE};
    x.host = asked;
    return play(x) == SLC_NEXT;
  }
};

std::string header(FakeExchange& x, std::string_view name) { return std::string{x.header(SLC_RESPONSE, name)}; }

}  // namespace

TEST(HttpSecurityTest, SimpleHeadersAreOnTheAnswer) {
  Case c{R"({"custom_frame_options_value": "SAMEORIGIN", "frame_deny": true, "content_type_nosniff": true, "browser_xss_filter": true,
            "content_security_policy": "default-src 'self';", "referrer_policy": "same-origin"})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  EXPECT_EQ(c.play(x), SLC_NEXT);
  EXPECT_EQ(header(x, "X-Frame-Options"), "SAMEORIGIN");
  EXPECT_EQ(header(x, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(x, "X-XSS-Protection"), "1; mode=block");
  EXPECT_EQ(header(x, "Content-Security-Policy"), "default-src 'self';");
  EXPECT_EQ(header(x, "Referrer-Policy"), "same-origin");
  EXPECT_EQ(header(x, "Strict-Transport-Security"), "");
  EXPECT_EQ(x.lines(SLC_RESPONSE).size(), 5u);
}

TEST(HttpSecurityTest, FrameDenyIsDeny) {
  Case c{R"({"frame_deny": true})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  c.play(x);
  EXPECT_EQ(header(x, "X-Frame-Options"), "DENY");
}

TEST(HttpSecurityTest, AHeaderOfTheBackendStaysAsSecondLine) {
  Case c{R"({"frame_deny": true})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  c.security.on_request(x);
  x.add_header(SLC_RESPONSE, "x-frame-options", "SAMEORIGIN");
  c.security.on_response(x);
  ASSERT_EQ(x.lines(SLC_RESPONSE).size(), 2u);
  EXPECT_EQ(x.lines(SLC_RESPONSE)[0].value, "DENY");
  EXPECT_EQ(x.lines(SLC_RESPONSE)[1].value, "SAMEORIGIN");
}

TEST(HttpSecurityTest, HostsCompareWithoutCaseAndWithTheirPort) {
  Case c{R"({"allowed_hosts": ["api.example", "other.example:8080"]})"};
  EXPECT_TRUE(c.serves("api.example"));
  EXPECT_TRUE(c.serves("API.Example"));
  EXPECT_TRUE(c.serves("other.example:8080"));
  EXPECT_FALSE(c.serves("api.example:80"));
  EXPECT_FALSE(c.serves("other.example"));
  EXPECT_FALSE(c.serves(""));
}

TEST(HttpSecurityTest, ABadHostIsRefusedWithoutTheOtherHeaders) {
  Case c{R"({"allowed_hosts": ["api.example"], "frame_deny": true})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  x.host = "evil.example";
  EXPECT_EQ(c.play(x), SLC_REPLY);
  EXPECT_EQ(x.status, 500);
  EXPECT_EQ(x.response_body, "Bad Host\n");
  EXPECT_EQ(header(x, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(header(x, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(x, "X-Frame-Options"), "");
}

TEST(HttpSecurityTest, PatternsSpeakOfTheWholeHost) {
  Case c{R"({"allowed_hosts": ["^.*\\.shop\\.example$", "a\\.example|b\\.example"], "allowed_hosts_are_regex": true})"};
  EXPECT_TRUE(c.serves("x.shop.example"));
  EXPECT_TRUE(c.serves("b.example"));
  EXPECT_FALSE(c.serves("shop.example"));
  EXPECT_FALSE(c.serves("a.example.evil"));
  EXPECT_FALSE(c.serves("evil-b.example"));
}

TEST(HttpSecurityTest, AProxyMayTellTheHost) {
  Case c{R"({"allowed_hosts": ["shop.example"], "host_proxy_headers": ["X-First", "X-Second"]})"};
  const auto serves = [&](std::string_view host, std::string_view first, std::string_view second) {
    FakeExchange x{c.host, SLC_AT_SERVICE};
    x.host = host;
    x.add_header(SLC_REQUEST, "X-First", first);
    x.add_header(SLC_REQUEST, "X-Second", second);
    return c.play(x) == SLC_NEXT;
  };
  EXPECT_TRUE(serves("other", "shop.example", "evil"));
  EXPECT_TRUE(serves("other", "", "shop.example"));
  EXPECT_FALSE(serves("shop.example", "evil", "shop.example"));
  EXPECT_TRUE(serves("shop.example", "", ""));
}

TEST(HttpSecurityTest, PlainHttpIsSentToHttps) {
  Case c{R"({"ssl_redirect": true, "frame_deny": true})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  x.host = "shop.example:8080", x.path = "/x y", x.query = "a=1&b=\"";
  EXPECT_EQ(c.play(x), SLC_REPLY);
  EXPECT_EQ(x.status, 301);
  EXPECT_EQ(header(x, "Location"), "https://shop.example:8080/x%20y?a=1&b=\"");
  EXPECT_EQ(x.response_body, "<a href=\"https://shop.example:8080/x%20y?a=1&amp;b=&#34;\">Moved Permanently</a>.\n\n");
  EXPECT_EQ(header(x, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(header(x, "X-Frame-Options"), "");
}

TEST(HttpSecurityTest, OtherMethodsAreSentThereWithoutAPage) {
  Case c{R"({"ssl_redirect": true, "ssl_host": "secure.example"})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  x.method = "POST", x.path = "/x";
  EXPECT_EQ(c.play(x), SLC_REPLY);
  EXPECT_EQ(x.status, 301);
  EXPECT_EQ(header(x, "Location"), "https://secure.example/x");
  EXPECT_EQ(x.response_body, "");
  EXPECT_EQ(header(x, "Content-Type"), "");
}

TEST(HttpSecurityTest, HttpsIsTheConnectionsOrWhatAProxySays) {
  Case c{R"({"ssl_redirect": true, "ssl_proxy_headers": {"X-Forwarded-Proto": "https", "X-Tls": "on"}, "sts_seconds": 10})"};
  const auto played = [&](std::string_view scheme, std::string_view name, std::string_view value) {
    FakeExchange x{c.host, SLC_AT_SERVICE};
    x.scheme = scheme;
    x.add_header(SLC_REQUEST, name, value);
    return c.play(x) == SLC_NEXT ? header(x, "Strict-Transport-Security") : "redirect";
  };
  EXPECT_EQ(played("https", "X-None", ""), "max-age=10");
  EXPECT_EQ(played("http", "X-Forwarded-Proto", "https"), "max-age=10");
  EXPECT_EQ(played("http", "x-tls", "on"), "max-age=10");
  EXPECT_EQ(played("http", "X-Forwarded-Proto", "HTTPS"), "redirect");
  EXPECT_EQ(played("http", "X-Forwarded-Proto", "http"), "redirect");
}

TEST(HttpSecurityTest, TransportSecurityOnPlainHttpOnlyWhenForced) {
  Case plain{R"({"sts_seconds": 300})"};
  FakeExchange x{plain.host, SLC_AT_SERVICE};
  plain.play(x);
  EXPECT_EQ(header(x, "Strict-Transport-Security"), "");
  Case forced{R"({"sts_seconds": 300, "sts_include_subdomains": true, "force_sts_header": true})"};
  FakeExchange y{forced.host, SLC_AT_SERVICE};
  forced.play(y);
  EXPECT_EQ(header(y, "Strict-Transport-Security"), "max-age=300; includeSubDomains");
}

TEST(HttpSecurityTest, EachAnswerHasANonceOfItsOwn) {
  Case c{R"({"content_security_policy": "script-src $NONCE; style-src $NONCE"})"};
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    FakeExchange x{c.host, SLC_AT_SERVICE};
    c.play(x);
    const std::string policy = header(x, "Content-Security-Policy");
    const std::string nonce = policy.substr(11, 30);
    EXPECT_EQ(nonce.substr(0, 7), "'nonce-");
    EXPECT_EQ(nonce.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 7), 29u);
    EXPECT_EQ(nonce.back(), '\'');
    // 128 bits are 21 digits and two bits of the last one.
    EXPECT_NE(std::string{"AQgw"}.find(nonce[28]), std::string::npos) << nonce;
    EXPECT_EQ(policy, "script-src " + nonce + "; style-src " + nonce);
    seen.insert(nonce);
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(HttpSecurityTest, DevelopmentSwitchesTheChecksOffAndKeepsTheHeaders) {
  Case c{R"({"is_development": true, "ssl_redirect": true, "sts_seconds": 5, "force_sts_header": true, "frame_deny": true, "allowed_hosts": ["nobody"]})"};
  FakeExchange x{c.host, SLC_AT_SERVICE};
  EXPECT_EQ(c.play(x), SLC_NEXT);
  EXPECT_EQ(header(x, "X-Frame-Options"), "DENY");
  EXPECT_EQ(header(x, "Strict-Transport-Security"), "");
}

TEST(HttpSecurityTest, AnEmptyBlockMakesNoStage) { EXPECT_TRUE(Case{"{}"}.security.asks_for_nothing()); }

TEST(RedirectTest, AHostFromAHeaderLeadsNowhereElse) {
  EXPECT_EQ(http_security::https_url("a@evil/x?y#z", "/p", ""), "https://a%40evil%2Fx%3Fy%23z/p");
  EXPECT_EQ(http_security::https_url("[::1]:443", "/a/b:c", ""), "https://[::1]:443/a/b:c");
}

TEST(RedirectTest, ControlCharactersAndOtherBytesOfAPathAreEscaped) {
  EXPECT_EQ(http_security::https_url("h", "/\r\nX: y?\xc3\xa9", "q=%20\x80"), "https://h/%0D%0AX:%20y%3F%C3%A9?q=%20%80");
}

TEST(HttpSecurityTest, BrokenBlocksAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"allowed_hosts": "x"})", "/allowed_hosts"},
      {R"({"allowed_hosts": ["ok", "("], "allowed_hosts_are_regex": true})", "/allowed_hosts/1"},
      {R"({"allowed_hosts": ["("], "allowed_hosts_are_regex": true, "is_development": true})", "/allowed_hosts/0"},
      {R"({"host_proxy_headers": ["a b"]})", "/host_proxy_headers/0"},
      {R"({"ssl_proxy_headers": {"X-Proto": 1}})", "/ssl_proxy_headers/X-Proto"},
      {R"({"sts_seconds": "1"})", "/sts_seconds"},
      {R"({"sts_seconds": -1})", "/sts_seconds"},
      {R"({"frame_deny": "yes"})", "/frame_deny"},
      {R"({"referrer_policy": "a\r\nb"})", "/referrer_policy"},
      {R"({"content_security_policy": "a\nb"})", "/content_security_policy"},
  };
  for (const auto& [json, pointer] : cases) {
    FakeHost host;
    Configured c{host, SLC_ENTRY_SYMBOL, kName, json, SLC_AT_SERVICE};
    EXPECT_FALSE(c.ok()) << json;
    EXPECT_TRUE(host.has_problem(pointer)) << json << '\n' << host.problem_text();
  }
}

TEST(HttpSecurityTest, TheOldNameIsAnAlias) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, "github_com/devopsfaith/krakend-httpsecure", "{}", SLC_AT_SERVICE};
  EXPECT_TRUE(c.ok());
}

TEST(HttpSecurityTest, SchemaFileIsTheSchemaOfTheBinding) {
  FakeHost host;
  Configured c{host, SLC_ENTRY_SYMBOL, kName, "{}", SLC_AT_SERVICE};
  std::ifstream file{std::filesystem::path{__FILE__}.parent_path().parent_path() / "schema.json"};
  std::stringstream text;
  text << file.rdbuf();
  std::string error;
  const Json in_file = Json::parse(text.str(), error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(in_file.write(), Json::parse(c.binding().schema, error).write());
}
