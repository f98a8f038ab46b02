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
  const Steps steps{chain_, *worker_.worker};
  EXPECT_EQ(hooks_of(steps.in(0)), (Hooks{0, 2, 3}));
  EXPECT_EQ(steps.in(0)[0].hook, &pass);
  EXPECT_EQ(steps.in(0)[1].hook, nullptr) << "an around stage is not called like the others";
  EXPECT_EQ(hooks_of(steps.out(5, 0)), (Hooks{1, 0}));
  EXPECT_EQ(hooks_of(steps.done()), (Hooks{2, 0}));
  EXPECT_EQ(steps.done()[1].last, &last);
}

TEST_F(StepsTest, AnAttemptBeginsBehindItsStageAndTheWayBackBeginsWhereTheWayInEnded) {
  for (int i = 0; i < 4; ++i) middleware({.in = true, .out = true});
  const Steps steps{chain_, *worker_.worker};
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
