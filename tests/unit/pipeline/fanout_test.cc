// Several calls at once: who wins, what is left out, and that the others are ended, once.
#include "core/pipeline/fanout.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/pipeline/fixture.h"

namespace sluice::pipeline::testing {
namespace {

// A backend per id, each with a stage that tells how it ends.
std::string endpoint(const std::vector<std::string>& ids, const std::string& more = "", const std::string& call_more = "") {
  std::string out = R"({"endpoint": "/x", )" + more + R"("backend": [)";
  for (const std::string& id : ids) {
    out += (id == ids[0] ? "" : ", ");
    out += R"({"extra_config": {"call": {"id": ")" + id + "\"" + call_more + R"(}, "back-a": {"id": ")" + id + "-stage\"}}}";
  }
  return out + "]}";
}

size_t count(const std::vector<std::string>& events, std::string_view what) {
  return static_cast<size_t>(std::count(events.begin(), events.end(), what));
}

TEST(FanOutTest, PartsAreMergedInTheOrderOfDeclarationWhoeverIsFirst) {
  std::vector<std::string> order{"a", "b", "c"};
  do {
    Pipeline p{endpoint({"a", "b", "c"})};
    FakeStream& client = p.request();
    for (const std::string& id : order) {
      EXPECT_EQ(client.status, 0) << "all are waited for";
      EXPECT_TRUE(p.answer(id, "\"" + id + "\":1,\"same\":" + std::to_string(id[0] - 'a')));
    }
    EXPECT_EQ(client.text, R"({"a":1,"same":2,"b":1,"c":1})");
    EXPECT_EQ(client.completed, "true");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(FanOutTest, AllAreStartedBeforeAnybodyAnswers) {
  Pipeline p{endpoint({"a", "b", "c"})};
  p.request();
  EXPECT_EQ(p.events(), "a-stage request, a send, b-stage request, b send, c-stage request, c send");
}

TEST(FanOutTest, CallsThatAnswerAtOnceAreAWholeAnswer) {
  Pipeline p{endpoint({"a", "b"}, "", R"(, "now": true)")};
  FakeStream& client = p.request();
  EXPECT_EQ(client.text, R"({"a":"now","b":"now"})");
  EXPECT_TRUE(client.released);
}

TEST(FanOutTest, AFailedPartIsMissingAndTheAnswerIncomplete) {
  Pipeline p{endpoint({"a", "b"})};
  FakeStream& client = p.request();
  p.refuse("a");
  EXPECT_EQ(client.status, 0);
  p.answer("b", R"("b":1)");
  EXPECT_EQ(client.status, 200);
  EXPECT_EQ(client.text, R"({"b":1})");
  EXPECT_EQ(client.completed, "false");
}

TEST(FanOutTest, AnIncompletePartMakesTheAnswerIncomplete) {
  Pipeline p{endpoint({"a", "b"})};
  FakeStream& client = p.request();
  p.answer("a", R"("a":1)", 0, false);
  p.answer("b", R"("b":1)");
  EXPECT_EQ(client.text, R"({"a":1,"b":1})");
  EXPECT_EQ(client.completed, "false");
}

TEST(FanOutTest, WhenAllFailThereIsNothingToAnswer) {
  Pipeline p{endpoint({"a", "b"})};
  FakeStream& client = p.request();
  p.refuse("b");
  p.refuse("a");
  EXPECT_EQ(client.status, 500);
}

TEST(FanOutTest, AtTheDeadlineTheRestIsCancelledAndTheOthersAreTheAnswer) {
  Pipeline p{endpoint({"a", "b", "c"}, R"("timeout": "60ms", )")};
  FakeStream& client = p.request();
  p.answer("b", R"("b":1)");
  p.take_events();
  p.until_released(client);
  EXPECT_EQ(client.text, R"({"b":1})");
  EXPECT_EQ(client.completed, "false");
  const auto events = p.take_events();
  for (const char* once : {"a cancelled", "c cancelled", "a-stage done -8", "c-stage done -8", "b-stage done 0"}) EXPECT_EQ(count(events, once), 1u) << once;
  EXPECT_EQ(count(events, "b cancelled"), 0u);
  EXPECT_FALSE(p.resume("a", sluice::done)) << "too late";
  EXPECT_EQ(client.text, R"({"b":1})");
}

TEST(FanOutTest, WhenTheClientLeavesEveryCallIsCancelledOnce) {
  Pipeline p{endpoint({"a", "b", "c"})};
  FakeStream& client = p.request();
  p.answer("b", R"("b":1)");
  p.take_events();
  client.leave();
  const auto events = p.take_events();
  for (const char* once : {"a cancelled", "c cancelled", "a-stage done -9", "c-stage done -9", "b-stage done 0"}) EXPECT_EQ(count(events, once), 1u) << once;
  EXPECT_EQ(count(events, "b cancelled"), 0u) << "it has answered";
  EXPECT_EQ(events.size(), 5u);
  EXPECT_EQ(p.running(), 0u);
  for (const char* id : {"a", "c"}) EXPECT_FALSE(p.resume(id, sluice::failed)) << id;
  EXPECT_EQ(p.events(), "");
}

// ---- concurrent_calls ----

TEST(ConcurrentCallsTest, TheFirstCompleteAnswerWinsAndTheOthersAreCancelled) {
  Pipeline p{endpoint({"a"}, R"("concurrent_calls": 3, )")};
  FakeStream& client = p.request();
  ASSERT_EQ(p.waiting("a"), 3u);
  p.take_events();
  EXPECT_TRUE(p.answer("a", R"("a":2)", 1));
  EXPECT_EQ(client.text, R"({"a":2})");
  const auto events = p.take_events();
  EXPECT_EQ(count(events, "a cancelled"), 2u);
  EXPECT_EQ(count(events, "a-stage done -9"), 2u);
  EXPECT_EQ(count(events, "a-stage done 0"), 1u);
  EXPECT_FALSE(p.resume("a", sluice::done, 0));
  EXPECT_FALSE(p.resume("a", sluice::done, 2));
}

TEST(ConcurrentCallsTest, NeitherAFailureNorAnIncompleteAnswerWins) {
  Pipeline p{endpoint({"a"}, R"("concurrent_calls": 3, )")};
  FakeStream& client = p.request();
  p.refuse("a", 0);
  p.answer("a", R"("a":1)", 1, false);
  EXPECT_EQ(client.status, 0);
  p.answer("a", R"("a":2)", 2);
  EXPECT_EQ(client.text, R"({"a":2})");
  EXPECT_EQ(client.completed, "true");
}

TEST(ConcurrentCallsTest, WithoutACompleteAnswerAnIncompleteOneIsBetterThanAFailure) {
  Pipeline p{endpoint({"a"}, R"("concurrent_calls": 3, )")};
  FakeStream& client = p.request();
  p.refuse("a", 0);
  p.answer("a", R"("a":1)", 1, false);
  p.refuse("a", 2);
  EXPECT_EQ(client.status, 200);
  EXPECT_EQ(client.text, R"({"a":1})");
  EXPECT_EQ(client.completed, "false");
}

TEST(ConcurrentCallsTest, OfSeveralIncompleteAnswersTheLastOneToArriveIsTaken) {
  Pipeline p{endpoint({"a"}, R"("concurrent_calls": 3, )")};
  FakeStream& client = p.request();
  p.answer("a", R"("a":3)", 2, false);
  p.answer("a", R"("a":1)", 0, false);
  p.refuse("a", 1);
  EXPECT_EQ(client.text, R"({"a":1})");
  EXPECT_EQ(client.completed, "false");
}

TEST(ConcurrentCallsTest, AnAnswerAtOnceMakesFurtherCallsUnnecessary) {
  Pipeline p{endpoint({"a"}, R"("concurrent_calls": 3, )", R"(, "now": true)")};
  FakeStream& client = p.request();
  EXPECT_EQ(client.text, R"({"a":"now"})");
  EXPECT_EQ(count(p.take_events(), "a send"), 1u);
}

TEST(ConcurrentCallsTest, EachBackendOfAMergeHasItsOwnRace) {
  Pipeline p{endpoint({"a", "b"}, R"("concurrent_calls": 2, )")};
  FakeStream& client = p.request();
  p.answer("b", R"("b":2)", 1);
  EXPECT_EQ(client.status, 0);
  p.take_events();
  p.answer("a", R"("a":1)", 0);
  EXPECT_EQ(client.text, R"({"a":1,"b":2})");
  EXPECT_EQ(count(p.take_events(), "a cancelled"), 1u);
}

// ---- attempts of an around stage ----

std::string hedged(const std::string& more = "") {
  return R"({"endpoint": "/x", )" + more + R"("backend": [{"extra_config": {"hedge": {"calls": 2}, "call": {"id": "a"}, "back-a": {}, "back-b": {}}}]})";
}

TEST(AttemptTest, TheUsedAttemptIsTheAnswerAndTheOtherIsEndedBeforeTheStageGoesOn) {
  Pipeline p{hedged()};
  FakeStream& client = p.request();
  EXPECT_EQ(p.events(), "back-a request, hedge call, back-b request, a send, back-b request, a send");
  EXPECT_TRUE(p.answer("a", R"("a":2)", 1));
  const std::string events = p.events();
  EXPECT_TRUE(events.starts_with("back-b response 0, hedge attempt 0, a cancelled, back-b done -9, back-a response 0, answer 200")) << events;
  EXPECT_EQ(client.text, R"({"a":2})");
  EXPECT_FALSE(p.resume("a", sluice::done, 0));
}

TEST(AttemptTest, AFailedAttemptLeavesTheOther) {
  Pipeline p{hedged()};
  FakeStream& client = p.request();
  p.refuse("a", 0);
  EXPECT_EQ(client.status, 0);
  p.answer("a", R"("a":2)", 1);
  EXPECT_EQ(client.text, R"({"a":2})");
}

TEST(AttemptTest, WhenTheClientLeavesBothAttemptsAreEnded) {
  Pipeline p{hedged()};
  FakeStream& client = p.request();
  p.take_events();
  client.leave();
  const auto events = p.take_events();
  EXPECT_EQ(count(events, "a cancelled"), 2u);
  EXPECT_EQ(count(events, "back-b done -9"), 2u);
  EXPECT_EQ(count(events, "hedge done -9"), 1u);
  EXPECT_EQ(count(events, "back-a done -9"), 1u);
  EXPECT_EQ(events.size(), 6u);
}


}  // namespace
}  // namespace sluice::pipeline::testing
