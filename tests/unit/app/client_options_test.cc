// From the keys of the root to the options of the HTTP client.
#include <gtest/gtest.h>

#include "core/app/gateway_worker.h"
#include "core/config/reader.h"

namespace sluice::app {
namespace {

http::ClientOptions options_of(const std::string& members) {
  auto read = config::read_text("c.json", "{\"version\":3" + members + "}", {});
  EXPECT_EQ(read.report.format(), "");
  return read.config ? client_options(*read.config) : http::ClientOptions{};
}

TEST(ClientOptionsTest, DefaultsAreThoseOfThePage) {
  const http::ClientOptions o = options_of("");
  EXPECT_TRUE(o.keep_alive);
  EXPECT_EQ(o.max_idle, 0u);
  EXPECT_EQ(o.max_idle_per_origin, 250u);
  EXPECT_EQ(o.idle_timeout_ms, 0u);
  EXPECT_EQ(o.response_header_timeout_ms, 0u);
  EXPECT_EQ(o.dial_timeout_ms, 0u);
  EXPECT_EQ(o.fallback_delay_ms, 300);
  EXPECT_EQ(o.dial_keep_alive_ms, 15'000);
  EXPECT_EQ(o.tls_handshake_timeout_ms, 10'000u) << "of its own: no key sets it";
}

TEST(ClientOptionsTest, EveryKeyHasItsOption) {
  const http::ClientOptions o = options_of(R"(,"max_idle_connections":70,"max_idle_connections_per_host":7,"idle_connection_timeout":"90s",
    "response_header_timeout":"3s","dialer_timeout":"1500ms","dialer_fallback_delay":"20ms","dialer_keep_alive":"40s")");
  EXPECT_EQ(o.max_idle, 70u);
  EXPECT_EQ(o.max_idle_per_origin, 7u);
  EXPECT_EQ(o.idle_timeout_ms, 90'000u);
  EXPECT_EQ(o.response_header_timeout_ms, 3'000u);
  EXPECT_EQ(o.dial_timeout_ms, 1'500u);
  EXPECT_EQ(o.fallback_delay_ms, 20);
  EXPECT_EQ(o.dial_keep_alive_ms, 40'000);
  EXPECT_EQ(o.tls_handshake_timeout_ms, 10'000u) << "dialer_timeout is about name and connection";
}

TEST(ClientOptionsTest, NegativeDurationsSwitchOffAndShortOnesAreNotNothing) {
  const http::ClientOptions off = options_of(R"(,"dialer_fallback_delay":"-1s","dialer_keep_alive":"-1ns","dialer_timeout":"-1s")");
  EXPECT_EQ(off.fallback_delay_ms, -1);
  EXPECT_EQ(off.dial_keep_alive_ms, -1);
  EXPECT_EQ(off.dial_timeout_ms, 0u) << "no limit";
  EXPECT_EQ(options_of(R"(,"dialer_timeout":"1us")").dial_timeout_ms, 1u);
}

TEST(ClientOptionsTest, NoConnectionIsKeptUnderANegativeLimitOrWhenToldSo) {
  EXPECT_FALSE(options_of(R"(,"disable_keep_alives":true)").keep_alive);
  EXPECT_FALSE(options_of(R"(,"max_idle_connections":-1)").keep_alive);
  EXPECT_FALSE(options_of(R"(,"max_idle_connections_per_host":-1)").keep_alive);
}

}  // namespace
}  // namespace sluice::app
