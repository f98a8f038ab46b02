#include "core/loop/socket_io.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace sluice::loop {
namespace {

std::string pattern(size_t size) {
  std::string s(size, '\0');
  for (size_t i = 0; i < size; ++i) s[i] = static_cast<char>('a' + i * 7 % 26);
  return s;
}

// A libuv stream on one end of a socket pair; the other end is the test's own.
class SocketIoTest : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    peer_ = fds[1];
    ASSERT_EQ(uv_loop_init(&loop_), 0);
    ASSERT_EQ(uv_pipe_init(&loop_, &pipe_, 0), 0);
    ASSERT_EQ(uv_pipe_open(&pipe_, fds[0]), 0);
    pipe_.data = this;
  }
  void TearDown() override {
    if (peer_ >= 0) ::close(peer_);
    uv_close(reinterpret_cast<uv_handle_t*>(&pipe_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&pipe_); }
  int send(std::vector<std::string> pieces) {
    std::vector<uv_buf_t> bufs;
    for (std::string& p : pieces) bufs.push_back(uv_buf_init(p.data(), static_cast<unsigned>(p.size())));
    return try_send(stream(), bufs.data(), static_cast<unsigned>(bufs.size()));
  }
  // What the peer has got, up to `size` bytes.
  std::string got(size_t size) {
    std::string s(size, '\0');
    size_t have = 0;
    for (ssize_t n; have < size && (n = ::recv(peer_, s.data() + have, size - have, MSG_DONTWAIT)) > 0;) have += static_cast<size_t>(n);
    s.resize(have);
    return s;
  }
  void read_into(size_t room) {
    buffer_.resize(room);
    ASSERT_EQ(uv_read_start(
                  stream(),
                  [](uv_handle_t* h, size_t, uv_buf_t* buf) {
                    auto* self = static_cast<SocketIoTest*>(h->data);
                    *buf = self->receiver_.fill(h, self->buffer_.data(), self->buffer_.size());
                  },
                  [](uv_stream_t* s, ssize_t n, const uv_buf_t* buf) {
                    auto* self = static_cast<SocketIoTest*>(s->data);
                    n = self->receiver_.took(s, n);
                    ++self->calls_;
                    if (n > 0) self->text_.append(buf->base, static_cast<size_t>(n));
                    if (n < 0) self->end_ = n;
                  }),
              0);
  }

  uv_loop_t loop_;
  uv_pipe_t pipe_;
  int peer_ = -1;
  Receiver receiver_;
  std::string buffer_, text_;
  ssize_t end_ = 0;
  int calls_ = 0;
};

TEST_F(SocketIoTest, PiecesLeaveInOrderHoweverManyAndLargeTheyAre) {
  for (std::vector<size_t> sizes : {std::vector<size_t>{5}, {3, 0, 4}, {2047, 1}, {2048, 1}, {100, 20'000, 0, 7}}) {
    std::vector<std::string> pieces;
    for (size_t size : sizes) pieces.push_back(pattern(size));
    const std::string all = std::accumulate(pieces.begin(), pieces.end(), std::string{});
    ASSERT_EQ(send(pieces), static_cast<int>(all.size()));
    EXPECT_EQ(got(all.size() + 1), all);
  }
}

TEST_F(SocketIoTest, AFullSocketTakesAPartAndThenNothing) {
  const std::string much = pattern(8 << 20);
  const int taken = send({much});
  ASSERT_GT(taken, 0);
  ASSERT_LT(taken, static_cast<int>(much.size()));
  EXPECT_EQ(send({"more"}), UV_EAGAIN);
  EXPECT_EQ(got(much.size()), much.substr(0, static_cast<size_t>(taken)));
}

TEST_F(SocketIoTest, NothingOvertakesWhatIsQueued) {
  std::string much = pattern(8 << 20);
  uv_buf_t all = uv_buf_init(much.data(), static_cast<unsigned>(much.size()));
  uv_write_t request;
  ASSERT_EQ(uv_write(&request, stream(), &all, 1, nullptr), 0);
  EXPECT_EQ(send({"first"}), UV_EAGAIN);
  std::string seen;
  while (seen.size() < much.size()) {
    seen += got(much.size());
    uv_run(&loop_, UV_RUN_NOWAIT);
  }
  EXPECT_EQ(seen, much);
  EXPECT_EQ(send({"now"}), 3);
}

TEST_F(SocketIoTest, APeerThatIsGoneIsAnErrorAndNoSignal) {
  ::close(std::exchange(peer_, -1));
  EXPECT_EQ(send({"to nobody"}), UV_EPIPE);
  EXPECT_EQ(send({pattern(3000), pattern(3000)}), UV_EPIPE);
}

TEST_F(SocketIoTest, BytesArriveThoughTheyAreMoreThanTheRoomAndTheEndStopsReading) {
  const std::string all = pattern(10'000);
  ASSERT_EQ(::write(peer_, all.data(), all.size()), static_cast<ssize_t>(all.size()));
  ::close(std::exchange(peer_, -1));
  read_into(1000);
  uv_run(&loop_, UV_RUN_DEFAULT);  // ends, as nothing is active any more
  EXPECT_EQ(text_, all);
  EXPECT_EQ(end_, UV_EOF);
}

TEST_F(SocketIoTest, ReadingGoesOnAfterARoomThatWasExactlyFilled) {
  read_into(8);
  for (const char* text : {"12345678", "abcdefghijklmnop", "x"}) {
    ASSERT_EQ(::write(peer_, text, strlen(text)), static_cast<ssize_t>(strlen(text)));
    uv_run(&loop_, UV_RUN_ONCE);
  }
  while (text_.size() < 25) uv_run(&loop_, UV_RUN_ONCE);
  EXPECT_EQ(text_, "12345678abcdefghijklmnopx");
  EXPECT_EQ(end_, 0);
}

}  // namespace
}  // namespace sluice::loop
