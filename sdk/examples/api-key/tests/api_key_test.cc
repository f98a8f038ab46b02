#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

constexpr auto kBlock = R"({"keys": [{"key": "open sesame", "consumer": "ali"}, {"key": "swordfish", "consumer": "marx"}]})";

class ApiKeyTest : public ::testing::Test {
 protected:
  slc_action ask(FakeExchange& x, std::string_view key) {
    x.add_header(SLC_REQUEST, "x-api-key", key);
    return api_key_.on_request(x);
  }
  FakeHost host_;
  Configured api_key_{host_, SLC_ENTRY_SYMBOL, "example/api-key", kBlock};
};

TEST_F(ApiKeyTest, TellsTheBackendWhoCalled) {
  ASSERT_TRUE(api_key_.ok()) << host_.problem_text();
  for (const auto& [key, consumer] : {std::pair{"open sesame", "ali"}, std::pair{"swordfish", "marx"}}) {
    FakeExchange x{host_};
    EXPECT_EQ(ask(x, key), SLC_NEXT);
    EXPECT_EQ(x.header(SLC_REQUEST, "X-Consumer"), consumer);
  }
  EXPECT_EQ(host_.metric("api_key_rejected_total"), 0);
}

TEST_F(ApiKeyTest, RefusesEveryOtherKey) {
  for (const char* key : {"", "open sesam", "open sesame ", "OPEN SESAME", "swordfisH"}) {
    FakeExchange x{host_};
    EXPECT_EQ(ask(x, key), SLC_REPLY) << key;
    EXPECT_EQ(x.status, 401);
    EXPECT_EQ(x.header(SLC_REQUEST, "X-Consumer"), "");
  }
  FakeExchange without{host_};
  EXPECT_EQ(api_key_.on_request(without), SLC_REPLY);
  EXPECT_EQ(host_.metric("api_key_rejected_total"), 6);
}

TEST_F(ApiKeyTest, NeitherTheKeyNorAForgedConsumerReachesTheBackend) {
  FakeExchange x{host_};
  x.add_header(SLC_REQUEST, "X-Consumer", "admin");
  EXPECT_EQ(ask(x, "swordfish"), SLC_NEXT);
  EXPECT_EQ(x.header(SLC_REQUEST, "X-Api-Key"), "");
  ASSERT_EQ(x.lines(SLC_REQUEST).size(), 1u);
  EXPECT_EQ(x.header(SLC_REQUEST, "X-Consumer"), "marx");
}

TEST(ApiKeyConfigurationTest, TwoConsumersCannotShareAKey) {
  FakeHost host;
  Configured api_key{host, SLC_ENTRY_SYMBOL, "example/api-key",
                     R"({"keys": [{"key": "open sesame", "consumer": "ali"}, {"key": "open sesame", "consumer": "kasim"}]})"};
  EXPECT_FALSE(api_key.ok());
  EXPECT_TRUE(host.has_problem("/keys/1/key")) << host.problem_text();
}

TEST(ApiKeyConfigurationTest, NamesWhatIsMissing) {
  FakeHost host;
  Configured api_key{host, SLC_ENTRY_SYMBOL, "example/api-key", R"({"header": "a b", "keys": [{"key": "open sesame"}]})"};
  EXPECT_FALSE(api_key.ok());
  EXPECT_TRUE(host.has_problem("/header")) << host.problem_text();
  EXPECT_TRUE(host.has_problem("/keys/0/consumer")) << host.problem_text();
}

}  // namespace
