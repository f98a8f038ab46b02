#include "core/loop/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice::loop {
namespace {

// The first parameter of every coroutine here: gives the arena, and takes note of what happens.
struct Place {
  Arena& arena() {
    ++asked;
    return memory;
  }
  BlockPool pool;
  Arena memory{pool};
  int asked = 0;
  std::string events;
};

// Writes its name when it is destroyed: a local of a coroutine.
struct Local {
  Place& place;
  char name;
  ~Local() { place.events += name; }
};

// A leaf as the pipeline has them: a local that detaches itself when the coroutine around it is destroyed.
struct Leaf {
  Signal& signal;
  ~Leaf() { signal.forget(); }
};

struct Done : Completion {
  Done() : Completion{[](Completion& c) noexcept { ++static_cast<Done&>(c).times; }} {}
  int times = 0;
};

Task<int> number(Place& place, int n) {
  place.events += 'n';
  co_return n;
}

Task<int> sum(Place& place) {
  auto first = number(place, 1);
  const int a = co_await first;
  auto second = number(place, 2);
  co_return a + co_await second;
}

Task<void> wait_for(Place& place, Signal& signal, char name) {
  Local local{place, name};
  Leaf leaf{signal};
  co_await signal.wait();
  place.events += '!';
}

Task<void> around(Place& place, Signal& signal) {
  Local local{place, 'o'};
  auto inside = wait_for(place, signal, 'i');
  co_await inside;
  place.events += '?';
}

Task<int> value_of(Place&, Task<int>& inner) { co_return co_await inner; }

Task<void> wait_twice(Place& place, Signal& signal) {
  co_await signal.wait();
  place.events += '1';
  co_await signal.wait();
  place.events += '2';
}

TEST(TaskTest, NothingRunsBeforeItIsStarted) {
  Place place;
  {
    auto task = number(place, 1);
    EXPECT_FALSE(task.done());
  }
  EXPECT_EQ(place.events, "");
  EXPECT_EQ(place.asked, 1) << "the frame comes from the place's arena";
}

TEST(TaskTest, AValueComesThroughEveryLevel) {
  Place place;
  auto task = sum(place);
  Done done;
  task.start(done);
  EXPECT_EQ(done.times, 1);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.result(), 3);
  EXPECT_EQ(place.events, "nn");
  EXPECT_EQ(place.asked, 3);
}

TEST(TaskTest, AFinishedTaskCanBeAwaited) {
  Place place;
  auto task = number(place, 5);
  Done done;
  task.start(done);
  auto outer = value_of(place, task);
  Done outer_done;
  outer.start(outer_done);
  EXPECT_EQ(outer_done.times, 1);
  EXPECT_EQ(outer.result(), 5);
  EXPECT_EQ(done.times, 1) << "its own completion is not called again";
}

TEST(TaskTest, TheCompletionComesWhenTheLastLevelIsThroughAndMayDestroyTheTask) {
  Place place;
  Signal signal;
  struct Owner : Completion {
    Task<void> task;
    bool called = false;
  } owner;
  owner.fn = [](Completion& c) noexcept {
    auto& self = static_cast<Owner&>(c);
    self.called = true;
    self.task.cancel();
  };
  owner.task = around(place, signal);
  owner.task.start(owner);
  EXPECT_FALSE(owner.called);
  EXPECT_TRUE(signal.waiting());
  signal.set();
  EXPECT_TRUE(owner.called);
  EXPECT_FALSE(owner.task);
  EXPECT_EQ(place.events, "!i?o") << "each level's locals are gone before its caller goes on";
}

TEST(TaskTest, CancellingDestroysLocalsInnermostFirstAndNothingGoesOn) {
  Place place;
  Signal signal;
  Done done;
  auto task = around(place, signal);
  task.start(done);
  task.cancel();
  EXPECT_EQ(place.events, "io");
  EXPECT_EQ(done.times, 0) << "whoever cancels knows it already";
  EXPECT_FALSE(signal.waiting()) << "the leaf has let go";
  signal.set();  // nobody is resumed: AddressSanitizer would see it
  EXPECT_EQ(place.events, "io");
  EXPECT_FALSE(task.done());
  task.cancel();  // again: nothing
}

TEST(TaskTest, TheDestructorCancels) {
  Place place;
  Signal signal;
  Done done;
  {
    auto task = around(place, signal);
    task.start(done);
  }
  EXPECT_EQ(place.events, "io");
  EXPECT_FALSE(signal.waiting());
}

TEST(TaskTest, AssigningEndsWhatWasThereAndMovingKeepsItAlive) {
  Place place;
  Signal a, b;
  Done done;
  auto first = wait_for(place, a, 'a');
  first.start(done);
  auto second = wait_for(place, b, 'b');
  Done second_done;
  second.start(second_done);
  Task<void> moved = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): the state is part of the contract
  EXPECT_EQ(place.events, "");
  moved = std::move(second);
  EXPECT_EQ(place.events, "a") << "only the former one is destroyed";
  EXPECT_FALSE(a.waiting());
  b.set();
  EXPECT_EQ(second_done.times, 1);
  Task<void>& same = moved;
  moved = std::move(same);
  EXPECT_TRUE(moved.done());
}

TEST(SignalTest, SetBeforeTheWaitLetsOneWaitPass) {
  Place place;
  Signal signal;
  signal.set();
  signal.set();  // no counter
  auto twice = wait_twice(place, signal);
  Done done;
  twice.start(done);
  EXPECT_EQ(place.events, "1");
  EXPECT_TRUE(signal.waiting());
  signal.set();
  EXPECT_EQ(place.events, "12") << "inside the call";
  EXPECT_EQ(done.times, 1);
  EXPECT_FALSE(signal.waiting());
}

TEST(SignalTest, AWakeUpOfAWaiterIsNotKeptForTheNext) {
  Place place;
  Signal signal;
  auto first = wait_for(place, signal, 'a'), second = wait_for(place, signal, 'b');
  Done done;
  first.start(done);
  signal.set();
  second.start(done);
  EXPECT_EQ(place.events, "!a");
  EXPECT_TRUE(signal.waiting());
}

TEST(SignalTest, AForgottenWaiterIsNotResumedAndTheWakeUpIsKept) {
  Place place;
  Signal signal;
  auto first = wait_for(place, signal, 'a');
  Done done;
  first.start(done);
  signal.forget();
  signal.set();
  EXPECT_EQ(place.events, "");
  auto second = wait_for(place, signal, 'b');
  second.start(done);
  EXPECT_EQ(place.events, "!b") << "the wake-up was for whoever comes next";
}

}  // namespace
}  // namespace sluice::loop
