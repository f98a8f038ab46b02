#include "core/pipeline/steps.h"

#include <gtest/gtest.h>

#include "core/pipeline/plan.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::pipeline {
namespace {

slc_action pass(void*, slc_exchange*, void**) noexcept { return SLC_NEXT; }
void last(void*, slc_exchange*, void**) noexcept {}

struct Has {
  bool in = false, out = false, done = false;
};

class StepsTest : public testing::Test {
 protected:
  void middleware(Has has) {
    auto& table = tables_.emplace_back(std::make_unique<slc_middleware>());
    table->size = sizeof *table;
    if (has.in) table->on_request = pass;
    if (has.out) table->on_response = pass;
    if (has.done) table->on_done = last;
    chain_.hooks.push_back({std::make_shared<plugin::Object>(), table.get(), nullptr, 0});
  }
  void around() {
    around_.size = sizeof around_;
    around_.on_done = last;
    chain_.hooks.push_back({std::make_shared<plugin::Object>(), nullptr, &around_, 0});
  }
  Steps made() {
    chain_.arrange();
    return {chain_, *worker_.worker};
  }
  static std::vector<uint32_t> hooks_of(std::span<const Step> steps) {
    std::vector<uint32_t> found;
    for (const Step& s : steps) found.push_back(s.index);
    return found;
  }
  using Hooks = std::vector<uint32_t>;
  plugin::testing::FakeWorker worker_;
  std::vector<std::unique_ptr<slc_middleware>> tables_;
  slc_around around_{};
  Chain chain_;
};

TEST_F(StepsTest, EachWayHasItsFunctionsInTheOrderOfCallingAndNoOthers) {
  middleware({.in = true, .out = true, .done = true});
  middleware({.out = true});
  around();
  middleware({.in = true});
  middleware({});
  const Steps steps = made();
  EXPECT_EQ(hooks_of(steps.in(0)), (Hooks{0, 2, 3}));
  EXPECT_EQ(steps.in(0)[0].hook, &pass);
  EXPECT_EQ(steps.in(0)[1].hook, nullptr) << "an around stage is not called like the others";
  EXPECT_EQ(hooks_of(steps.out(5, 0)), (Hooks{1, 0}));
  EXPECT_EQ(hooks_of(steps.done()), (Hooks{2, 0}));
  EXPECT_EQ(steps.done()[1].last, &last);
}

TEST_F(StepsTest, AGroupSeesAnswersInItsOwnOrder) {
  for (int i = 0; i < 5; ++i) middleware({.in = true, .out = true});
  // 1, 2 and 3 are a group; 1 was chosen between the others.
  for (uint32_t i : {1u, 2u, 3u}) chain_.hooks[i].group = 7;
  chain_.hooks[1].position = 1, chain_.hooks[2].position = 0, chain_.hooks[3].position = 2;
  const Steps steps = made();
  EXPECT_EQ(hooks_of(steps.in(0)), (Hooks{0, 1, 2, 3, 4}));
  EXPECT_EQ(hooks_of(steps.out(5, 0)), (Hooks{4, 2, 1, 3, 0}));
  EXPECT_EQ(hooks_of(steps.out(5, 1)), (Hooks{4, 2, 1, 3})) << "an attempt begins in front of a group, never in it";
  EXPECT_EQ(hooks_of(steps.out(3, 0)), (Hooks{2, 1, 3, 0})) << "3, which replied, is the caller's to skip";
  // Two groups side by side keep apart.
  chain_.hooks[4].group = 8, chain_.hooks[0].group = 8;
  EXPECT_EQ(hooks_of(made().out(5, 0)), (Hooks{4, 2, 1, 3, 0}));
}

TEST_F(StepsTest, StagesOrderAChainAndThoseWithARankChangePlacesAmongThemselves) {
  const auto stages = [this] {
    std::vector<int32_t> found;
    for (const Hook& h : chain_.hooks) found.push_back(h.stage);
    return found;
  };
  for (int i = 0; i < 5; ++i) middleware({.in = true, .out = true});
  for (uint32_t i = 0; i < 5; ++i) chain_.hooks[i].stage = static_cast<int32_t>(500 - 100 * i);
  chain_.arrange();
  EXPECT_EQ(stages(), (std::vector<int32_t>{100, 200, 300, 400, 500}));
  chain_.hooks[0].rank = 2, chain_.hooks[2].rank = 1, chain_.hooks[4].rank = 0;
  chain_.arrange();
  EXPECT_EQ(stages(), (std::vector<int32_t>{500, 200, 300, 400, 100}));
  EXPECT_EQ(hooks_of(made().out(5, 0)), (Hooks{4, 3, 2, 1, 0}));
}

TEST_F(StepsTest, AnAttemptBeginsBehindItsStageAndTheWayBackBeginsWhereTheWayInEnded) {
  for (int i = 0; i < 4; ++i) middleware({.in = true, .out = true});
  const Steps steps = made();
  EXPECT_EQ(hooks_of(steps.in(2)), (Hooks{2, 3}));
  EXPECT_EQ(hooks_of(steps.in(4)), Hooks{});
  EXPECT_EQ(hooks_of(steps.out(4, 2)), (Hooks{3, 2}));
  EXPECT_EQ(hooks_of(steps.out(2, 0)), (Hooks{1, 0})) << "the one that replied does not see its own answer";
  EXPECT_EQ(hooks_of(steps.out(0, 0)), Hooks{});
  EXPECT_EQ(hooks_of(steps.out(3, 3)), Hooks{});
}

TEST_F(StepsTest, HooksWithoutAnAccountAreNotCounted) {
  middleware({.in = true});
  EXPECT_FALSE((Steps{chain_, *worker_.worker}.counted()));
}

}  // namespace
}  // namespace sluice::pipeline
