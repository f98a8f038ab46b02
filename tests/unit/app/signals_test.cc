#include "core/app/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <future>

namespace sluice::app {
namespace {

// Signals go to the whole process, as an operator's would; every thread has them blocked.
struct SignalsTest : ::testing::Test {
  static void SetUpTestSuite() { Signals::block(); }
  void begin(uint64_t limit_ms) {
    ASSERT_TRUE(signals.begin({[this, limit_ms](int s) {
                                 ++drains;
                                 drained.set_value(s);
                                 return limit_ms;
                               },
                               [this] {
                                 ++stops;
                                 stopped.set_value();
                               },
                               [this] {
                                 ++reloads;
                                 reloaded.set_value();
                               }}));
  }
  std::atomic<int> drains{0}, stops{0}, reloads{0};
  std::promise<int> drained;
  std::promise<void> stopped, reloaded;
  Signals signals;
};

TEST_F(SignalsTest, TheFirstTerminationDrainsAndTheSecondStopsAtOnce) {
  begin(0);
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(drained.get_future().get(), SIGTERM);
  EXPECT_EQ(stops, 0);
  ::kill(::getpid(), SIGINT);
  stopped.get_future().get();
  signals.end();
  EXPECT_EQ(drains, 1);
  EXPECT_EQ(stops, 1);
}

TEST_F(SignalsTest, WhenTheTimeForDrainingIsOverItStopsOnce) {
  begin(1);
  ::kill(::getpid(), SIGINT);
  EXPECT_EQ(drained.get_future().get(), SIGINT);
  stopped.get_future().get();
  ::kill(::getpid(), SIGTERM);
  ::kill(::getpid(), SIGHUP);
  reloaded.get_future().get();  // behind the SIGTERM in the same reader, or before it: stop stays at one either way
  signals.end();
  EXPECT_EQ(stops, 1);
}

TEST_F(SignalsTest, HangUpAsksForAReloadAndNothingElse) {
  begin(0);
  ::kill(::getpid(), SIGHUP);
  reloaded.get_future().get();
  signals.end();
  EXPECT_EQ(reloads, 1);
  EXPECT_EQ(drains + stops, 0);
}

TEST_F(SignalsTest, ASignalFromBeforeTheThreadIsNotLost) {
  ::kill(::getpid(), SIGTERM);
  begin(0);
  EXPECT_EQ(drained.get_future().get(), SIGTERM);
}

TEST_F(SignalsTest, ABrokenPipeIsAnErrorAndNoDeath) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  EXPECT_EQ(::write(ends[1], "x", 1), -1);
  ::close(ends[1]);
}

TEST_F(SignalsTest, EndWithoutBeginIsFine) { signals.end(); }

}  // namespace
}  // namespace sluice::app
