// Three plugins of the product in one binary: each has its own entry, note and copy of the wrapper, so none of them speaks through
// another's services.
#include <gtest/gtest.h>

#include <set>

#include <sluice/testing.hpp>

extern "C" {
extern const slc_entry slc_cors_entry, slc_circuit_breaker_entry, slc_string_entry;
}

namespace {

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

TEST(LinkedTest, EachPluginHasItsOwnEntry) {
  std::set<std::string> ids;
  for (const slc_entry* e : {&slc_cors_entry, &slc_circuit_breaker_entry, &slc_string_entry}) {
    EXPECT_EQ(e->magic, SLC_ABI_MAGIC);
    ids.insert(e->id);
  }
  EXPECT_EQ(ids, (std::set<std::string>{"sluice.cors", "sluice.circuit-breaker", "sluice.string"}));
}

// One host after the other is told to each plugin: with a wrapper in common, the last one told would have them all.
TEST(LinkedTest, EachPluginSpeaksToTheHostThatLoadedIt) {
  FakeHost first, second, third;
  Configured cors{first, slc_cors_entry, "security/cors", R"({"allow_origins": ["https://a.example"]})", SLC_AT_SERVICE};
  Configured breaker{second, slc_circuit_breaker_entry, "qos/circuit-breaker", R"({"max_errors": 1, "timeout": 5, "interval": 60})", SLC_AT_BACKEND};
  Configured encoder{third, slc_string_entry, "string", {}, 0, SLC_IFACE_ENCODER};
  ASSERT_TRUE(cors.ok()) << first.problem_text();
  ASSERT_TRUE(breaker.ok()) << second.problem_text();
  ASSERT_TRUE(encoder.ok()) << third.problem_text();

  FakeExchange page{first, SLC_AT_SERVICE};
  page.add_header(SLC_REQUEST, "Origin", "https://a.example");
  EXPECT_EQ(cors.on_request(page), SLC_NEXT);
  cors.on_response(page);
  EXPECT_EQ(page.header(SLC_RESPONSE, "Access-Control-Allow-Origin"), "https://a.example");

  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    FakeExchange call{second, SLC_AT_BACKEND};
    if (breaker.on_request(call) != SLC_NEXT) {
      ++refused;
      continue;
    }
    call.outcome = SLC_EBACKEND;
    breaker.on_response(call);
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(second.metric("circuit_breaker_opened_total"), 1);
  EXPECT_EQ(first.metric("circuit_breaker_opened_total") + third.metric("circuit_breaker_opened_total"), 0);

  FakeExchange answer{third};
  std::string error;
  answer.data = Json::parse(R"({"content": "as it is"})", error);
  answer.has_data = true;
  EXPECT_EQ(encoder.encode(answer), SLC_OK);
  EXPECT_EQ(answer.response_body, "as it is");
}

}  // namespace
