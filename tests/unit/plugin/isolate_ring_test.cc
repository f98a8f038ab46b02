// The stream of bytes between the gateway and a helper, with a peer that keeps to the rules and one that does not.
#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>
#include <thread>

#include "core/plugin/isolate/segment.h"

namespace sluice::plugin::isolate {
namespace {

std::string frame_of(std::string_view payload) { return std::string(4, '\0') + std::string{payload}; }

struct RingTest : testing::Test {
  RingTest() {
    segment = *Segment::create(&file);
    state = static_cast<RingState*>(segment.memory.at());
    writer = segment.gateway_writer();
    reader = segment.helper_reader();
  }
  void send(std::string_view payload) {
    std::string frame = frame_of(payload);
    end = writer.send(frame);
  }
  Fd file;
  Segment segment;
  RingState* state;  // of the calls
  FrameWriter writer;
  FrameReader reader;
  uint64_t end = 0;
  std::string_view frame;
};

TEST_F(RingTest, FramesArriveInOrderAndWhole) {
  send("one"), send("two"), send("");
  ASSERT_TRUE(reader.next(&frame));
  EXPECT_EQ(frame, "one");
  ASSERT_TRUE(reader.next(&frame));
  EXPECT_EQ(frame, "two");
  EXPECT_FALSE(reader.next(&frame)) << "a frame of nothing is none";
  EXPECT_TRUE(reader.broken());
}

TEST_F(RingTest, AFrameLargerThanTheRingPassesInPieces) {
  std::string large(5 * Segment::kRing + 17, 'x');
  for (size_t i = 0; i < large.size(); i += 31) large[i] = static_cast<char>(i);
  send(large), send("behind");
  EXPECT_GT(writer.kept(), 0u);
  int rounds = 0;
  while (!reader.next(&frame)) {
    ASSERT_FALSE(reader.broken());
    EXPECT_LT(writer.taken(), end);
    writer.flush();
    ASSERT_LT(++rounds, 100);
  }
  EXPECT_TRUE(frame == large);
  writer.flush();
  ASSERT_TRUE(reader.next(&frame));
  EXPECT_EQ(frame, "behind");
  EXPECT_EQ(writer.taken(), end);
  EXPECT_EQ(writer.kept(), 0u);
}

TEST_F(RingTest, AWriterThatFoundNoRoomIsRungWhenThereIsSome) {
  send(std::string(2 * Segment::kRing, 'x'));
  silence_bell(segment.to_gateway.get());
  reader.next(&frame);
  pollfd bell{segment.to_gateway.get(), POLLIN, 0};
  EXPECT_EQ(poll(&bell, 1, 0), 1);
}

TEST_F(RingTest, OnlyASleepingReaderIsRung) {
  pollfd bell{segment.to_helper.get(), POLLIN, 0};
  send("a");
  EXPECT_EQ(poll(&bell, 1, 0), 0);
  EXPECT_FALSE(reader.sleep()) << "there is something to read";
  ASSERT_TRUE(reader.next(&frame));
  EXPECT_TRUE(reader.sleep());
  send("b");
  EXPECT_EQ(poll(&bell, 1, 0), 1);
}

TEST_F(RingTest, AWritersLieAboutItsPositionBreaksTheReader) {
  for (uint64_t lie : {uint64_t{Segment::kRing} + 1, UINT64_MAX, uint64_t{1} << 40}) {
    RingReader r{state, static_cast<char*>(segment.memory.at()), Segment::kRing, -1};
    state->head = lie;
    char byte;
    EXPECT_EQ(r.read(&byte, 1), 0u);
    EXPECT_TRUE(r.broken());
    EXPECT_TRUE(r.sleep()) << "and it does not spin";
  }
}

TEST_F(RingTest, AReadersLieAboutItsPositionBreaksTheWriter) {
  send("something");
  state->tail = 1000;
  send("more");
  EXPECT_TRUE(writer.broken());
  EXPECT_EQ(writer.taken(), 0u);
}

TEST_F(RingTest, ALengthBeyondTheLimitBreaksTheReaderBeforeAnythingIsReserved) {
  uint32_t size = kMostFrame + 1;
  RingWriter raw{state, static_cast<char*>(segment.memory.at()) + 2 * sizeof(RingState), Segment::kRing, -1};
  raw.write({reinterpret_cast<char*>(&size), sizeof size});
  EXPECT_FALSE(reader.next(&frame));
  EXPECT_TRUE(reader.broken());
}

TEST_F(RingTest, TheMemoryCannotBeShrunkUnderItsReader) { EXPECT_NE(ftruncate(file.get(), 4096), 0); }

// Two threads: what ThreadSanitizer is for. Sizes from nothing much to more than the ring holds.
TEST_F(RingTest, NothingIsLostBetweenTwoThreads) {
  constexpr uint32_t kFrames = 3000;
  auto size_of = [](uint32_t i) { return size_t{4} + (i % 500 == 0 ? Segment::kRing + i : i * 7 % 2000); };
  std::thread other{[&] {
    for (uint32_t i = 0; i < kFrames;) {
      silence_bell(segment.to_helper.get());
      for (std::string_view f; reader.next(&f); ++i) {
        uint32_t n;
        std::memcpy(&n, f.data(), sizeof n);
        ASSERT_EQ(n, i);
        ASSERT_EQ(f.size(), size_of(i));
        ASSERT_TRUE(std::all_of(f.begin() + 4, f.end(), [&](char c) { return c == static_cast<char>(i); }));
      }
      ASSERT_FALSE(reader.broken());
      if (i == kFrames || !reader.sleep()) continue;
      pollfd bell{segment.to_helper.get(), POLLIN, 0};
      poll(&bell, 1, -1);
    }
  }};
  for (uint32_t i = 0; i < kFrames; ++i) {
    std::string f = frame_of(std::string(size_of(i), static_cast<char>(i)));
    std::memcpy(f.data() + 4, &i, sizeof i);
    writer.send(f);
    while (writer.kept()) {
      pollfd bell{segment.to_gateway.get(), POLLIN, 0};
      poll(&bell, 1, -1);
      silence_bell(segment.to_gateway.get());
      writer.flush();
    }
  }
  other.join();
}

}  // namespace
}  // namespace sluice::plugin::isolate
