#include "core/log/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace sluice::log {
namespace {

// The built-in output, captured through a pipe; read after stop().
struct LogTest : ::testing::Test {
  void SetUp() override { ASSERT_EQ(::pipe(fds), 0); }
  void TearDown() override {
    stop();
    configure(Level::debug, {});
    set_access(true);
    ::close(fds[0]);
    if (fds[1] >= 0) ::close(fds[1]);
  }
  void begin(Level level = Level::debug, Format format = Format::text, size_t queue = 8192) {
    start({format, level, queue, fds[1]});
  }
  std::string end() {
    stop();
    ::close(fds[1]);
    fds[1] = -1;
    std::string all;
    char piece[4096];
    for (ssize_t n; (n = ::read(fds[0], piece, sizeof piece)) > 0;) all.append(piece, static_cast<size_t>(n));
    return all;
  }
  int fds[2] = {-1, -1};
};

size_t count(const std::string& text, std::string_view what) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

TEST_F(LogTest, StopWritesWhatWaits) {
  begin();
  SLC_LOG(info, "port ", uint16_t{8080}, ' ', -1, ' ', size_t{7});
  auto text = end();
  EXPECT_NE(text.find(" SLUICE INFO: port 8080 -1 7\n"), std::string::npos) << text;
}

// Without ending() this would wait for a reader; a test that fails here is one that hangs.
TEST_F(LogTest, AReaderThatTakesNothingDoesNotHoldTheEnd) {
  begin();
  for (int i = 0; i < 1000; ++i) SLC_LOG(info, "line ", i, std::string(200, 'x'));  // a pipe holds 64 KiB (pipe(7))
  testing::internal::CaptureStderr();
  ending();
  stop();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the end of the log is lost"), std::string::npos);
  const auto text = end();
  EXPECT_NE(text.find("INFO: line 0"), std::string::npos) << "what was taken is there";
  EXPECT_EQ(text.find("INFO: line 999"), std::string::npos);
}

TEST_F(LogTest, ALogThatIsReadIsWrittenToItsEndAlsoWhenTheProcessEnds) {
  begin();
  ending();
  for (int i = 0; i < 1000; ++i) SLC_LOG(info, "line ", i, std::string(200, 'x'));
  std::string text;
  std::thread reader{[&] {
    char piece[512];
    for (ssize_t n; text.find("INFO: line 999") == std::string::npos && (n = ::read(fds[0], piece, sizeof piece)) > 0;)
      text.append(piece, static_cast<size_t>(n));
  }};
  stop();
  reader.join();
  EXPECT_EQ(count(text, "INFO: line "), 1000u);
}

TEST_F(LogTest, WhatAConfigurationChangedIsTakenBackWithoutForgettingTheLevelOfTheCommandLine) {
  begin(Level::error);
  int sunk = 0;
  configure(Level::debug, {[](void* n, const Record&) { ++*static_cast<int*>(n); }, nullptr, &sunk});
  SLC_LOG(info, "for the sink");
  restore();
  EXPECT_EQ(sunk, 1);
  EXPECT_FALSE(enabled(Level::warning));
  SLC_LOG(warning, "for nobody");
  SLC_LOG(error, "for the built-in output");
  const auto text = end();
  EXPECT_EQ(sunk, 1);
  EXPECT_EQ(text.find("for nobody"), std::string::npos) << text;
  EXPECT_EQ(text.find("for the sink"), std::string::npos) << text;
  EXPECT_NE(text.find("for the built-in output"), std::string::npos) << text;
}

// Counts how often it is turned into text.
struct Counted {
  int* times;
  operator std::string_view() const { return ++*times, "counted"; }  // NOLINT: what print() asks for
};

TEST_F(LogTest, NothingIsFormattedThatTheLevelDrops) {
  begin(Level::warning);
  int times = 0;
  for (int i = 0; i < 10; ++i) SLC_LOG(info, "x ", Counted{&times});
  EXPECT_EQ(times, 0);
  SLC_LOG(warning, "x ", Counted{&times});
  EXPECT_EQ(times, 1);
  EXPECT_EQ(count(end(), "SLUICE"), 1u);
}

TEST_F(LogTest, OffDropsEvenCritical) {
  begin(Level::off);
  SLC_LOG(critical, "x");
  EXPECT_FALSE(enabled(Level::critical));
  EXPECT_FALSE(enabled(Level::off));
  EXPECT_EQ(end(), "");
}

TEST_F(LogTest, AccessLinesIgnoreTheLevelAndHaveTheirOwnSwitch) {
  begin(Level::off);
  access({200, 1000, "127.0.0.1", "GET", "/a", {}});
  set_access(false);
  access({200, 1000, "127.0.0.1", "GET", "/b", {}});
  auto text = end();
  EXPECT_NE(text.find("| 200 |           1µs |       127.0.0.1 | GET      \"/a\"\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("/b"), std::string::npos);
}

TEST_F(LogTest, LongTextsAreCut) {
  begin();
  write(Level::info, std::string(1 << 20, 'm'));
  access({200, 1, std::string(500, 'i'), std::string(500, 'M'), std::string(100000, 't'), std::string(100000, 'e')});
  // More than a pipe holds; read beside.
  std::string text;
  std::thread stopper{[] { stop(); }};
  char piece[4096];
  while (count(text, "\n") < 3) {
    ssize_t n = ::read(fds[0], piece, sizeof piece);
    ASSERT_GT(n, 0);
    text.append(piece, static_cast<size_t>(n));
  }
  stopper.join();
  EXPECT_EQ(count(text, "m"), 32u * 1024);
  EXPECT_EQ(count(text, " [cut]\n"), 1u);
  EXPECT_EQ(count(text, "t"), 8u * 1024 + 1);  // and the one of "[cut]"
  EXPECT_EQ(count(text, "M"), 64u);
}

TEST_F(LogTest, ThreadsDoNotMixTheirLines) {
  begin();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 100; ++i) SLC_LOG(info, "thread ", t, " line ", i, " end");
    });
  for (auto& t : threads) t.join();
  auto text = end();
  for (int t = 0; t < 4; ++t) {
    size_t at = 0;
    for (int i = 0; i < 100; ++i) {  // each thread's lines stand in its order
      auto line = "thread " + std::to_string(t) + " line " + std::to_string(i) + " end\n";
      at = text.find(line, at);
      ASSERT_NE(at, std::string::npos) << line;
    }
  }
  EXPECT_EQ(count(text, "\n"), 400u);
}

// A sink that stands still until it is let go, and tells when it got there.
struct Gate {
  std::mutex m;
  std::condition_variable changed;
  bool open = false, reached = false;
  std::vector<std::string> lines;
  int flushes = 0;
  Sink sink() {
    return {[](void* c, const Record& r) { static_cast<Gate*>(c)->write(r); },
            [](void* c) { ++static_cast<Gate*>(c)->flushes; }, this};
  }
  void write(const Record& r) {
    std::unique_lock lock{m};
    reached = true;
    changed.notify_all();
    changed.wait(lock, [this] { return open; });
    lines.emplace_back(r.message);
  }
  void wait_reached() {
    std::unique_lock lock{m};
    changed.wait(lock, [this] { return reached; });
  }
  void let_go() {
    std::lock_guard lock{m};
    open = true;
    changed.notify_all();
  }
};

TEST_F(LogTest, AFullQueueDropsTheOldestAndCounts) {
  Gate gate;
  begin(Level::debug, Format::text, 4);
  configure(Level::debug, gate.sink());
  SLC_LOG(info, "first");
  gate.wait_reached();  // the logging thread is busy with "first"
  for (int i = 0; i < 10; ++i) SLC_LOG(info, "line ", i);
  EXPECT_EQ(dropped(), 6u);
  gate.let_go();
  stop();
  std::vector<std::string> expected{"first", "line 6", "line 7", "line 8", "line 9"};
  std::vector<std::string> without_notice;
  size_t notices = 0;
  for (auto& l : gate.lines) {
    if (l.find("6 log lines were dropped") == 0) ++notices;
    else without_notice.push_back(l);
  }
  EXPECT_EQ(without_notice, expected);
  EXPECT_EQ(notices, 1u);
  configure(Level::debug, {});
}

TEST_F(LogTest, TheFormerSinkIsNotCalledAfterConfigureReturns) {
  Gate former, later;
  former.let_go(), later.let_go();
  begin();
  configure(Level::debug, former.sink());
  std::thread writer{[] {
    for (int i = 0; i < 1000; ++i) SLC_LOG(info, i);
  }};
  former.wait_reached();
  configure(Level::debug, later.sink());
  size_t seen = former.lines.size();  // no lock: nobody else may touch it any more
  writer.join();
  stop();
  EXPECT_EQ(former.lines.size(), seen);
  EXPECT_EQ(former.lines.size() + later.lines.size(), 1000u);
  configure(Level::debug, {});
}

TEST_F(LogTest, ASinkTakesMessagesAndIsFlushedButAccessStaysBuiltIn) {
  Gate gate;
  gate.let_go();
  begin();
  configure(Level::info, gate.sink());
  SLC_LOG(debug, "no");
  SLC_LOG(error, "yes");
  access({200, 1, "a", "GET", "/", {}});
  auto text = end();
  EXPECT_EQ(gate.lines, std::vector<std::string>{"yes"});
  EXPECT_GE(gate.flushes, 1);
  EXPECT_EQ(count(text, "[GIN]"), 1u);
  EXPECT_EQ(count(text, "SLUICE"), 0u);
}

TEST_F(LogTest, ASinkGetsNoControlCharacters) {
  Gate gate;
  gate.let_go();
  begin();
  configure(Level::debug, gate.sink());
  SLC_LOG(info, "one\n2026/01/01 CRITICAL: two\x1b[31m\tthree");
  stop();
  ASSERT_EQ(gate.lines.size(), 1u);
  EXPECT_EQ(gate.lines[0].find_first_of("\n\x1b"), std::string::npos) << gate.lines[0];
  EXPECT_NE(gate.lines[0].find('\t'), std::string::npos);
}

TEST_F(LogTest, WhatIsHeldGoesWhereTheConfigurationSaysAndLosesWhatItsLevelDrops) {
  Gate gate;
  gate.let_go();
  Options o{Format::text, Level::debug, 8192, fds[1]};
  o.hold = true;
  start(o);
  SLC_LOG(info, "dropped");
  SLC_LOG(error, "kept");
  configure(Level::warning, gate.sink());
  SLC_LOG(warning, "later");
  const auto text = end();
  EXPECT_EQ(gate.lines, (std::vector<std::string>{"kept", "later"}));
  EXPECT_EQ(text, "");
}

TEST_F(LogTest, WhatIsHeldIsNotLostWithoutAConfiguration) {
  Options o{Format::text, Level::debug, 8192, fds[1]};
  o.hold = true;
  start(o);
  SLC_LOG(info, "one");
  SLC_LOG(info, "two");
  const auto text = end();
  EXPECT_LT(text.find("one"), text.find("two")) << text;
}

TEST_F(LogTest, WhatIsHeldIsWrittenWhenTheConfigurationHasNoSink) {
  Options o{Format::text, Level::info, 8192, fds[1]};
  o.hold = true;
  start(o);
  SLC_LOG(info, "held");
  restore();
  SLC_LOG(info, "after");
  const auto text = end();
  EXPECT_EQ(count(text, "SLUICE INFO: "), 2u) << text;
  EXPECT_LT(text.find("held"), text.find("after")) << text;
}

TEST_F(LogTest, ItCanStartAgain) {
  begin();
  SLC_LOG(info, "one");
  stop();
  begin();
  SLC_LOG(info, "two");
  auto text = end();
  EXPECT_LT(text.find("one"), text.find("two"));
  EXPECT_EQ(count(text, "\n"), 2u);
}

TEST_F(LogTest, AfterStopLinesAreWrittenAtOnce) {
  begin();
  stop();
  SLC_LOG(info, "late");
  char piece[256];
  ssize_t n = ::read(fds[0], piece, sizeof piece);
  ASSERT_GT(n, 0);
  EXPECT_NE(std::string_view(piece, static_cast<size_t>(n)).find("INFO: late\n"), std::string_view::npos);
}

}  // namespace
}  // namespace sluice::log
