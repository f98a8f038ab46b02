// The order of hooks around the inside, and that each gets exactly one last call, however the exchange ends.
#include <gtest/gtest.h>

#include "tests/unit/pipeline/fixture.h"

namespace sluice::pipeline::testing {
namespace {

// Every level with two hooks; `more` are further members of named blocks: {"end-b", R"("request": "reply")"}.
std::pair<std::string, std::string> all_levels(const std::map<std::string, std::string>& more = {}, const std::string& timeout = "60s") {
  auto block = [&](const std::string& name) {
    const auto it = more.find(name);
    return "\"" + name + "\": {" + (it == more.end() ? "" : it->second) + "}";
  };
  return {R"({"endpoint": "/x", "timeout": ")" + timeout + R"(", "extra_config": {)" + block("proxy-b") + "," + block("end-b") + "," + block("end-a") + "," +
              block("proxy-a") + R"(}, "backend": [{"extra_config": {)" + block("back-b") + "," + block("call") + "," + block("back-a") + "}}]}",
          R"("extra_config": {)" + block("engine-a") + "," + block("server-a") + "}, "};
}

struct Levels : Pipeline {
  explicit Levels(const std::pair<std::string, std::string>& c) : Pipeline{c.first, c.second} {}
};

constexpr auto kWayIn = "server-a request, engine-a request, end-a request, end-b request, proxy-a request, proxy-b request, back-a request, "
                        "back-b request, call send";

TEST(ScopeTest, StagesGoInByNumberAndComeOutInReverseAndAreDoneInnermostFirst) {
  Levels p{all_levels()};
  FakeStream& client = p.request();
  EXPECT_EQ(p.events(), kWayIn);
  EXPECT_EQ(client.status, 0);
  EXPECT_TRUE(p.answer("call", R"("a":1)"));
  EXPECT_EQ(p.events(), "back-b response 0, back-a response 0, proxy-b response 0, proxy-a response 0, end-b response 0, end-a response 0, "
                        "engine-a response 0, server-a response 0, answer 200, "
                        "back-b done 0, back-a done 0, proxy-b done 0, proxy-a done 0, end-b done 0, end-a done 0, engine-a done 0, server-a done 0");
  EXPECT_EQ(client.text, R"({"a":1})");
  EXPECT_EQ(client.completed, "true");
  EXPECT_TRUE(client.released);
  EXPECT_EQ(p.running(), 0u);
}

TEST(ScopeTest, AReplyIsSeenByTheStagesOutsideOnly) {
  Levels p{all_levels({{"end-b", R"("request": "reply")"}})};
  FakeStream& client = p.request();
  EXPECT_EQ(p.events(), "server-a request, engine-a request, end-a request, end-b request, end-a response 0, engine-a response 0, server-a response 0, "
                        "answer 202, end-b done 0, end-a done 0, engine-a done 0, server-a done 0");
  EXPECT_EQ(client.text, "end-b");
}

TEST(ScopeTest, AReplyInTheBackendsPlaceIsItsAnswer) {
  Levels p{all_levels({{"back-a", R"("request": "reply")"}})};
  FakeStream& client = p.request();
  EXPECT_EQ(client.text, R"({"by":"back-a"})");
  EXPECT_EQ(client.completed, "true");
  const std::string events = p.events();
  EXPECT_EQ(events.find("back-b"), std::string::npos) << events;
  EXPECT_EQ(events.find("call send"), std::string::npos) << events;
  EXPECT_NE(events.find("back-a done 0"), std::string::npos) << events;
}

TEST(ScopeTest, AFailureIsSeenOnTheWayOutUntilSomebodyRepairsIt) {
  Levels p{all_levels({{"back-b", R"("request": "fail")"}, {"proxy-b", R"("response": "reply")"}})};
  FakeStream& client = p.request();
  const std::string events = p.events();
  EXPECT_NE(events.find("back-b request, back-a response -10, proxy-b response -10, proxy-a response 0, end-b response 0"), std::string::npos) << events;
  EXPECT_EQ(client.status, 200);
  EXPECT_EQ(client.text, R"({"by":"proxy-b"})");
}

TEST(ScopeTest, AFailureThatNobodyRepairsIsTheClients) {
  Levels p{all_levels({{"back-a", R"("request": "fail")"}})};
  FakeStream& client = p.request();
  const std::string events = p.events();
  EXPECT_NE(events.find("back-a request, proxy-b response -10, proxy-a response -10, end-b response -10"), std::string::npos) << events;
  EXPECT_EQ(client.status, 418);
  EXPECT_NE(client.completed, "true");
}

TEST(ScopeTest, AWaitingStageGoesOnWhereItIsResumed) {
  for (const char* stage : {"server-a", "engine-a", "end-a", "end-b", "proxy-a", "proxy-b", "back-a", "back-b"}) {
    Levels p{all_levels({{stage, R"("request": "wait", "response": "wait")"}})};
    FakeStream& client = p.request();
    std::string events = p.events();
    EXPECT_TRUE(events.ends_with(std::string{stage} + " request")) << events;
    EXPECT_TRUE(p.resume(stage, sluice::next)) << stage;
    events += (events == kWayIn ? "" : ", ") + p.events();
    EXPECT_EQ(events, kWayIn);
    EXPECT_TRUE(p.answer("call", R"("a":1)")) << stage;
    events = p.events();
    EXPECT_TRUE(events.ends_with(std::string{stage} + " response 0")) << events;
    EXPECT_EQ(client.status, 0) << stage;
    EXPECT_TRUE(p.resume(stage, sluice::next, 1)) << stage;
    EXPECT_EQ(client.text, R"({"a":1})") << stage;
    EXPECT_TRUE(client.released) << stage;
    EXPECT_FALSE(p.resume(stage, sluice::next)) << "a second time it is too late";
  }
}

TEST(ScopeTest, AResumeMayReplyOrFailAsTheHookCould) {
  Levels p{all_levels({{"end-b", R"("request": "wait")"}})};
  FakeStream& replied = p.request();
  p.resume("end-b", sluice::done);
  EXPECT_EQ(replied.status, 200);
  FakeStream& failed = p.request();
  p.resume("end-b", sluice::failed, 1);
  EXPECT_EQ(failed.status, 500);
  FakeStream& unknown = p.request();
  p.resume("end-b", sluice::Action{77}, 2);
  EXPECT_EQ(unknown.status, 500) << "any unknown value is a failure";
  EXPECT_EQ(p.waiting("call"), 0u);
}

TEST(ScopeTest, WhenTheClientLeavesEveryStageThatRanIsToldOnceAndNothingElseRuns) {
  for (const char* stage : {"server-a", "engine-a", "end-a", "end-b", "proxy-a", "proxy-b", "back-a", "back-b"}) {
    Levels p{all_levels({{stage, R"("request": "wait")"}})};
    FakeStream& client = p.request();
    const size_t ran = p.take_events().size();
    client.leave();
    EXPECT_TRUE(client.released) << stage;
    EXPECT_EQ(p.running(), 0u) << stage;
    const auto events = p.take_events();
    EXPECT_EQ(events.size(), ran) << stage << ": one done for each request";
    EXPECT_EQ(events.at(0), std::string{stage} + " done -9") << "innermost first, with SLC_ECANCELED";
    EXPECT_FALSE(p.resume(stage, sluice::next)) << stage << ": too late";
    EXPECT_EQ(p.events(), "") << stage;
    EXPECT_EQ(client.status, 0);
  }
}

TEST(ScopeTest, WhenTheClientLeavesTheCallIsCancelledBeforeItsStagesAreDone) {
  Levels p{all_levels()};
  FakeStream& client = p.request();
  p.events();
  client.leave();
  EXPECT_EQ(p.events(), "call cancelled, back-b done -9, back-a done -9, proxy-b done -9, proxy-a done -9, end-b done -9, end-a done -9, "
                        "engine-a done -9, server-a done -9");
  EXPECT_FALSE(p.resume("call", sluice::done));
  EXPECT_EQ(p.events(), "");
}

TEST(ScopeTest, ATimeOutIsSeenByTheStagesOutside) {
  Levels p{all_levels({{"back-b", R"("request": "wait")"}}, "30ms")};
  FakeStream& client = p.request();
  p.until_released(client);
  const std::string events = p.events();
  EXPECT_NE(events.find("back-b request, back-b done -8, back-a done -8, proxy-b response -8, proxy-a response -8, end-b response -8"), std::string::npos)
      << events;
  EXPECT_EQ(client.status, 500);
  EXPECT_FALSE(p.resume("back-b", sluice::next));
}

TEST(ScopeTest, AHookThatStartsToWaitAndGoesOnDoesNotHoldWhoeverWaitsNext) {
  Levels p{all_levels({{"back-a", R"("request": "forget", "response": "wait")"}})};
  FakeStream& client = p.request();
  p.answer("call", R"("a":1)");
  EXPECT_EQ(client.status, 0) << "back-a waits in its response hook";
  EXPECT_FALSE(p.resume("back-a", sluice::failed, 0)) << "the forgotten one does not speak for it";
  EXPECT_EQ(client.status, 0);
  EXPECT_TRUE(p.resume("back-a", sluice::next, 1));
  EXPECT_EQ(client.text, R"({"a":1})");
}

TEST(ScopeTest, UnknownPathsPassTheServiceStagesAndNoOthers) {
  Levels p{all_levels()};
  EXPECT_EQ(p.request("/none").status, 404);
  EXPECT_EQ(p.events(), "server-a request, engine-a request, engine-a response 0, server-a response 0, answer 404, engine-a done 0, server-a done 0");
  EXPECT_EQ(p.request("/x/").status, 301);
  EXPECT_EQ(p.events(), "server-a request, server-a response 0, answer 301, server-a done 0");
}

// ---- static data: between the hooks below stage 350 and the others ----

std::string with_static(const std::string& blocks, const std::string& strategy = "always") {
  return R"({"endpoint": "/x", "extra_config": {"proxy": {"static": {"strategy": ")" + strategy + R"(", "data": {"s": 9}}})" +
         (blocks.empty() ? "" : ", " + blocks) + R"(}, "backend": [{"extra_config": {"call": {}}}]})";
}

TEST(StaticDataTest, ModifiersSeeTheAnswerBeforeAndOuterStagesAfterIt) {
  Pipeline p{with_static(R"("proxy-b": {"response": "data"}, "proxy-c": {"response": "data"}, "proxy-d": {"response": "data"})")};
  FakeStream& client = p.request();
  p.take_events();
  p.answer("call", R"("a":1)");
  EXPECT_EQ(p.events(), R"(proxy-d response 0, proxy-d sees {"a":1}, proxy-c response 0, proxy-c sees {"a":1}, proxy-b response 0, )"
                        R"(proxy-b sees {"a":1,"s":9}, answer 200, proxy-d done 0, proxy-c done 0, proxy-b done 0)");
  EXPECT_EQ(client.text, R"({"a":1,"s":9})");
}

TEST(StaticDataTest, ItRepairsWhatAModifierHasRefusedOrSpoiltAndNotWhatAStageOutsideHas) {
  for (const char* side : {"request", "response"}) {
    for (const auto& [name, repaired] : {std::pair{"proxy-d", true}, {"proxy-c", true}, {"proxy-b", false}}) {
      SCOPED_TRACE(std::string{name} + " " + side);
      Pipeline p{with_static("\"" + std::string{name} + "\": {\"" + side + R"(": "fail"})", "errored")};
      FakeStream& client = p.request();
      if (side == std::string{"response"}) p.answer("call", R"("a":1)");
      EXPECT_EQ(client.status, repaired ? 200 : 418);
      EXPECT_EQ(client.text, repaired ? R"({"s":9})" : "");
      EXPECT_EQ(client.completed, "false");
    }
  }
}

TEST(StaticDataTest, AnAnswerInThePlaceOfTheBackendsHasItWhenAModifierGaveItAndNotFromOutside) {
  for (const auto& [name, text] : {std::pair{"proxy-d", R"({"by":"proxy-d","s":9})"}, {"proxy-a", R"({"by":"proxy-a"})"}}) {
    Pipeline p{with_static("\"" + std::string{name} + R"(": {"request": "reply"})")};
    EXPECT_EQ(p.request().text, text);
  }
}

TEST(StaticDataTest, WithoutHooksItIsThereAsWell) {
  Pipeline p{with_static("", "errored")};
  FakeStream& client = p.request();
  p.refuse("call");
  EXPECT_EQ(client.text, R"({"s":9})");
}

}  // namespace
}  // namespace sluice::pipeline::testing
