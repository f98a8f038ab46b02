// Who tells a loop of large reads, and that it then pauses. The rule has tests of its own beside it (unit/loop).
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "client_fixture.h"
#include "server_fixture.h"

namespace sluice::http {
namespace {

using GatheringClientTest = ClientFixture;

TEST_F(GatheringClientTest, LargeAnswersOfBackendsAreToldToTheLoop) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'x'));
  TestCall call{make_client(), origin_of(b), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body.size(), 1'000'000u);
  EXPECT_GT(loop.gathering().large_reads(), 0u);
}

TEST_F(GatheringClientTest, SmallAnswersOfBackendsAreNot) {
  Backend& b = make_backend();
  b.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  TestCall call{make_client(), origin_of(b), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"};
  run_until([&] { return call.done(); });
  EXPECT_EQ(call.body, "ok");
  EXPECT_EQ(loop.gathering().large_reads(), 0u);
}

// Takes a body that never ends.
struct Taker final : StreamOwner {
  explicit Taker(Stream& s, std::atomic<size_t>& total) : stream{&s}, taken{total} {
    s.set_owner(this);
    taken += s.body().size();  // came with the head
    s.read_body();
  }
  void on_body(Slices slices, bool) noexcept override {
    for (Slice s : slices) taken += s.size();
  }
  void on_body_error(const Error&) noexcept override {}
  void on_drain() noexcept override {}
  void on_gone() noexcept override { std::exchange(stream, nullptr)->release(); }
  Stream* stream;
  std::atomic<size_t>& taken;
};

// The loop is held while the clients send, so it finds what each of them sent in one read.
TEST(GatheringServerTest, ALoopWithManyLargeUploadsPauses) {
  std::atomic<size_t> taken = 0;
  std::deque<Taker> takers;
  server_test::TestServer server{[&](Stream& s) { takers.emplace_back(s, taken); }};
  constexpr size_t kPiece = loop::Gathering::kLarge + 8192;  // beside what is in the kernel's buffers already, it fits without a reader
  std::deque<server_test::Client> clients;
  for (uint32_t i = 0; i < loop::Gathering::kManyStreams; ++i) {
    clients.emplace_back(server.port);
    ASSERT_TRUE(clients.back().send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n"));
  }
  size_t sent = 0;
  auto send_to_held_loop = [&](uint32_t count) {
    server.on_loop([&] {
      for (uint32_t i = 0; i < count; ++i) EXPECT_TRUE(clients[i].send(std::string(kPiece, 'x')));
    });
    sent += count * kPiece;
    while (taken < sent && !testing::Test::HasFailure()) server.on_loop([] {});
  };
  uint64_t pauses = 0;
  // The rule forgets streams after two windows, and this thread may be kept waiting for longer than that: then once more.
  for (int round = 0; round < 1000 && pauses == 0; ++round) {
    send_to_held_loop(loop::Gathering::kManyStreams);  // many in one turn: enough without a pause
    send_to_held_loop(1);
    server.on_loop([&] { pauses = server.loop.gathering().pauses(); });
  }
  EXPECT_GT(pauses, 0u);
  clients.clear();
  server.stop();
}

}  // namespace
}  // namespace sluice::http
