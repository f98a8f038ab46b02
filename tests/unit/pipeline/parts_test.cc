// Chains and required backends: who is called when, who is ended how often, and what the list of parts says.
#include "core/pipeline/parts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/pipeline/fixture.h"

namespace sluice::pipeline::testing {
namespace {

struct Backend {
  std::string id, pattern, options, call;
};

// Backends that are told apart by their id, each with a stage that tells how it ends.
std::string endpoint(const std::vector<Backend>& backends, const std::string& options = R"("chain": true, "parts": "body")", const std::string& more = "") {
  std::string out = R"({"endpoint": "/x", "extra_config": {"sluice": {)" + options + "}}, " + more + R"("backend": [)";
  for (const Backend& b : backends) {
    out += out.back() == '[' ? "" : ", ";
    out += R"({"url_pattern": "/)" + b.pattern + R"(", "extra_config": {"call": {"id": ")" + b.id + "\"" + b.call + R"(}, "back-a": {"id": ")" + b.id +
           R"(-stage"}, "sluice": {)" + b.options + "}}}";
  }
  return out + "]}";
}

size_t count(const std::vector<std::string>& events, std::string_view what) { return static_cast<size_t>(std::count(events.begin(), events.end(), what)); }

TEST(PartsTest, WithoutReferencesAllAreStartedBeforeAnybodyAnswers) {
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "", "", ""}})};
  p.request();
  EXPECT_EQ(p.events(), "a-stage request, a send, b-stage request, b send");
}

TEST(PartsTest, AStepIsCalledAsSoonAsItsInputsAreOver) {
  Pipeline p{endpoint({{"d", "{resp1_x}/{resp2_x}", "", ""}, {"a", "", "", ""}, {"b", "", "", ""}, {"c", "{resp1_x}", "", ""}})};
  FakeStream& client = p.request();
  EXPECT_EQ(p.events(), "a-stage request, a send, b-stage request, b send");
  p.answer("a", R"("x":1)");
  EXPECT_EQ(p.events(), "a-stage response 0, c-stage request, c send");
  p.answer("c", R"("c":1)");
  p.take_events();
  p.answer("b", R"("x":2)");
  EXPECT_EQ(p.waiting("d"), 1u);
  EXPECT_EQ(client.status, 0);
  p.answer("d", R"("d":1,"x":0)");
  EXPECT_EQ(client.completed, "true");
  EXPECT_EQ(client.text.find(R"({"d":1,"x":2,"c":1,)"), 0u) << client.text;
}

TEST(PartsTest, WhoeverIsFirstTheAnswerIsTheSame) {
  std::vector<std::string> order{"a", "b", "c"};
  do {
    Pipeline p{endpoint({{"a", "", "", ""}, {"b", "", "", ""}, {"c", "", "", ""}}, R"("merge": {"strategy": "first"})")};
    FakeStream& client = p.request();
    for (const std::string& id : order) p.answer(id, "\"" + id + "\":1,\"same\":" + std::to_string(id[0] - 'a'));
    EXPECT_EQ(client.text, R"({"a":1,"same":0,"b":1,"c":1})");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(PartsTest, CallsThatAnswerAtOnceAreAWholeChain) {
  Pipeline p{endpoint({{"a", "{resp1_b}", "", R"(, "now": true)"}, {"b", "{resp2_c}", "", R"(, "now": true)"}, {"c", "", "", R"(, "now": true)"}},
                      R"("chain": true)")};
  FakeStream& client = p.request();
  EXPECT_EQ(client.text, R"({"a":"now","b":"now","c":"now"})");
  EXPECT_TRUE(client.released);
}

TEST(PartsTest, ARequiredFailureCancelsTheOthersOnce) {
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "", R"("required": true)", ""}, {"c", "", R"("required": true)", ""}, {"d", "{resp0_x}", "", ""}},
                      R"("chain": true, "problem_json": true, "parts": "body")")};
  FakeStream& client = p.request();
  p.take_events();
  p.refuse("b");
  const auto events = p.take_events();
  for (const char* once : {"a cancelled", "c cancelled", "a-stage done -9", "c-stage done -9"}) EXPECT_EQ(count(events, once), 1u) << once;
  EXPECT_EQ(count(events, "b cancelled"), 0u);
  EXPECT_EQ(p.waiting("d"), 0u);
  EXPECT_EQ(client.status, 500);
  EXPECT_NE(
      client.text.find(
          R"("parts":[{"name":"resp0","fate":"cancelled"},{"name":"resp1","fate":"failed","status":500},{"name":"resp2","fate":"cancelled"},{"name":"resp3","fate":"cancelled"}])"),
      std::string::npos)
      << client.text;
  EXPECT_FALSE(p.resume("a", sluice::done)) << "too late";
}

TEST(PartsTest, ARequiredFailureInsideOfTheStartEndsEverything) {
  // The first backend's stage answers inside of its start; the second one's input is the first.
  Pipeline p{endpoint({{"a", "", "", R"(, "now": true)"}, {"b", "{resp0_none}", R"("required": true)", ""}, {"c", "", "", ""}})};
  FakeStream& client = p.request();
  EXPECT_EQ(client.status, 502);
  EXPECT_EQ(p.waiting("b"), 0u);
  EXPECT_TRUE(client.released);
}

TEST(PartsTest, AtTheDeadlineWhatRunsIsCancelledAndWhatWaitsIsLate) {
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "", "", ""}, {"c", "{resp0_x}", "", ""}}, R"("chain": true, "parts": "body")", R"("timeout": "60ms", )")};
  FakeStream& client = p.request();
  p.answer("b", R"("b":1)");
  p.take_events();
  p.until_released(client);
  EXPECT_EQ(
      client.text,
      R"({"b":1,"_parts":[{"name":"resp0","fate":"timeout","status":504},{"name":"resp1","fate":"ok","status":200},{"name":"resp2","fate":"timeout","status":504}]})");
  EXPECT_EQ(client.completed, "false");
  const auto events = p.take_events();
  EXPECT_EQ(count(events, "a cancelled"), 1u);
  EXPECT_EQ(count(events, "a-stage done -8"), 1u);
}

TEST(PartsTest, WhenTheClientLeavesEveryCallIsCancelledOnce) {
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "", "", ""}, {"c", "{resp0_x}", "", ""}})};
  FakeStream& client = p.request();
  p.answer("a", R"("x":1)");
  p.take_events();
  client.leave();
  const auto events = p.take_events();
  for (const char* once : {"b cancelled", "c cancelled", "b-stage done -9", "c-stage done -9"}) EXPECT_EQ(count(events, once), 1u) << once;
  EXPECT_EQ(p.running(), 0u);
}

TEST(PartsTest, EachOfConcurrentCallsTakesTheValues) {
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "{resp0_x}", "", ""}}, R"("chain": true)", R"("concurrent_calls": 2, )")};
  FakeStream& client = p.request();
  ASSERT_EQ(p.waiting("a"), 2u);
  p.answer("a", R"("x":1)", 1);
  ASSERT_EQ(p.waiting("b"), 2u);
  p.answer("b", R"("b":1)");
  EXPECT_EQ(client.text, R"({"x":1,"b":1})");
}

TEST(PartsTest, AttemptsOfAnAroundStageArePartsOfTheirStep) {
  // The block of the stage stands behind the step's own.
  Pipeline p{endpoint({{"a", "", "", ""}, {"b", "{resp0_x}", R"("required": true}, "hedge": {"calls": 2)", ""}}, R"("chain": true)")};
  FakeStream& client = p.request();
  EXPECT_EQ(p.waiting("b"), 0u);
  p.answer("a", R"("x":1)");
  ASSERT_EQ(p.waiting("b"), 2u);
  p.refuse("b");
  EXPECT_EQ(client.status, 0) << "one attempt is left";
  p.answer("b", R"("b":1)", 1);
  EXPECT_EQ(client.text, R"({"x":1,"b":1})");
  EXPECT_EQ(client.completed, "true");
}

TEST(PartsTest, ChainsOfManyStepsRun) {
  std::vector<Backend> backends;
  for (int i = 0; i < 200; ++i)
    backends.push_back({"s" + std::to_string(i), i ? "{resp" + std::to_string(i - 1) + "_s" + std::to_string(i - 1) + "}" : "", "", R"(, "now": true)"});
  Pipeline p{endpoint(backends, R"("chain": true)")};
  FakeStream& client = p.request();
  EXPECT_EQ(client.completed, "true");
  EXPECT_NE(client.text.find(R"("s199":"now"})"), std::string::npos);
}

}  // namespace
}  // namespace sluice::pipeline::testing
