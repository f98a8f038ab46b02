// The wrapper of transports that stream, against the fakes: as an author's tests use them.
#include <gtest/gtest.h>

#include <cstring>

#define SLC_ENTRY_SYMBOL slc_transport_entry
#define SLUICE_PLUGIN_NAMESPACE transport_sdk
#include <sluice/plugin.hpp>
#include <sluice/testing.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;

int alive = 0;
struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  ~Counted() { --alive; }
};
int cancelled = 0;

// "/count": ten pieces of 300 000 bytes, as there is room. "/echo": what comes, one piece at a time. "/late": answers after a while.
class Stream {
 public:
  static constexpr auto name = "t/stream";
  static constexpr auto scopes = sluice::scope::backend;

  struct State : Counted {
    int made = 0;
    int64_t expected = 0;
  };
  Action send(Exchange x) const {
    State& s = x.make_state<State>();
    s.expected = x.request_length();
    if (x.path() == "/late")
      return x.after(5ms, [c = Counted{}](Exchange y) { return y.follow(3), y.emit(SLC_RESPONSE, "abc"), y.finish(), y.reply(201); });
    if (!x.follow(x.path() == "/count" ? 3'000'000 : sluice::length_unknown)) return x.reply(200, x.body(), "text/plain");
    return x.reply(200);
  }
  Action on_request_chunk(Exchange x, Chunk c) const {
    if (c.bytes() == "throw") throw std::runtime_error{"no"};
    if (c.bytes() == "wait" && !c.repeated()) return x.after(5ms, [](Exchange) { return sluice::again; });
    x.emit(SLC_RESPONSE, c.bytes());
    if (c.last()) x.finish();
    return sluice::take;
  }
  void on_room(Exchange x) const {
    if (x.path() == "/throw") throw std::runtime_error{"no"};
    if (x.path() != "/count") return;
    State& s = *x.state<State>();
    for (const std::string piece(300'000, 'x'); s.made < 10; ++s.made)
      if (!x.emit(SLC_RESPONSE, piece)) return;
    x.finish();
  }
  void cancel(Exchange) const { ++cancelled; }
};

class OneWay {  // the answer only
 public:
  static constexpr auto name = "t/one-way";
  static constexpr auto scopes = sluice::scope::backend;
  Action send(Exchange x) const { return x.make<Counted>(), x.follow() ? x.reply(200) : x.fail(0, "older"); }
  void on_room(Exchange x) const { x.break_off("the wire is cut"); }
};

class Whole {  // as always
 public:
  static constexpr auto name = "t/whole";
  static constexpr auto scopes = sluice::scope::backend;
  Action send(Exchange x) const { return x.follow() || x.request_length() != 0 ? x.fail(0, "it does not stream") : x.reply(200, "whole"); }
};

}  // namespace

SLC_PLUGIN("t.transports", "1", Stream, OneWay, Whole)

namespace {

using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;

struct Call {
  explicit Call(const char* path, const char* name = "t/stream") : transport{host, slc_transport_entry, name, "{}", SLC_AT_BACKEND}, x{host, SLC_AT_BACKEND} {
    x.path = path;
    alive = cancelled = 0;
  }
  FakeHost host;
  Configured transport;
  FakeExchange x;
};

TEST(StreamingTransportTest, ItsTableHasTheLateHooksOfItsClass) {
  const auto table = [](const char* name) { return static_cast<const slc_transport*>(slc_transport_entry.get_interface(SLC_IFACE_TRANSPORT, name)); };
  EXPECT_TRUE(table("t/stream")->on_request_chunk && table("t/stream")->on_room);
  EXPECT_TRUE(!table("t/one-way")->on_request_chunk && table("t/one-way")->on_room);
  EXPECT_TRUE(!table("t/whole")->on_request_chunk && !table("t/whole")->on_room);
}

TEST(StreamingTransportTest, MakesItsBodyAsThereIsRoom) {
  Call c{"/count"};
  EXPECT_EQ(c.transport.send(c.x), SLC_REPLY);
  EXPECT_EQ(c.x.follows, 3'000'000);
  size_t got = 0, rounds = 0;
  for (; !c.x.body_finished && rounds < 10; ++rounds) {
    const std::string piece = c.transport.on_room(c.x);
    EXPECT_LE(piece.size(), size_t{1} << 20);
    got += piece.size();
  }
  EXPECT_EQ(got, 3'000'000u);
  EXPECT_EQ(rounds, 4u);
  EXPECT_EQ(alive, 1) << "what the exchange keeps lives until cancel";
  c.x.finish();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cancelled, 1);
}

TEST(StreamingTransportTest, TakesTheRequestsBodyInPieces) {
  Call c{"/echo"};
  c.x.request_body = "not yet here";
  EXPECT_EQ(c.transport.send(c.x), SLC_REPLY);
  EXPECT_EQ(c.transport.on_request_chunk(c.x, "one "), SLC_TAKE);
  EXPECT_EQ(c.transport.on_request_chunk(c.x, "wait"), SLC_PENDING);
  c.host.advance(5);
  EXPECT_EQ(c.x.chunk_resumed[SLC_REQUEST], SLC_AGAIN);
  EXPECT_EQ(c.transport.pass_body(c.x, SLC_REQUEST, {"two ", "three"}), "");
  EXPECT_EQ(c.x.emitted[SLC_RESPONSE], "one two three");
  EXPECT_TRUE(c.x.body_finished);
  c.transport.cancel(c.x);
  EXPECT_EQ(alive, 0);
  c.x.finish();
  EXPECT_EQ(cancelled, 1) << "once";
}

TEST(StreamingTransportTest, AnswersLaterAndKeepsItsStateUntilCancel) {
  Call c{"/late"};
  c.x.request_length = SLC_LENGTH_UNKNOWN;
  EXPECT_EQ(c.transport.send(c.x), SLC_PENDING);
  c.host.advance(5);
  EXPECT_EQ(c.x.resumed, SLC_REPLY);
  EXPECT_EQ(c.x.status, 201);
  EXPECT_EQ(c.x.emitted[SLC_RESPONSE], "abc");
  EXPECT_TRUE(c.x.body_finished);
  EXPECT_EQ(alive, 2) << "the callback that answered, too";
  c.x.finish();
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(cancelled, 1);
}

TEST(StreamingTransportTest, AnExceptionBreaksTheBodyOff) {
  Call c{"/throw"};
  EXPECT_EQ(c.transport.send(c.x), SLC_REPLY);
  EXPECT_EQ(c.transport.on_request_chunk(c.x, "throw"), SLC_FAIL);
  c.transport.on_room(c.x);
  EXPECT_EQ(c.x.body_broken, "on_room threw");
  EXPECT_TRUE(c.host.logged("on_room threw: no"));
}

TEST(StreamingTransportTest, ABodyMayBeBrokenOffAndIsThenNotFinished) {
  Call c{"/", "t/one-way"};
  EXPECT_EQ(c.transport.send(c.x), SLC_REPLY);
  EXPECT_EQ(c.x.follows, SLC_LENGTH_UNKNOWN);
  EXPECT_EQ(c.transport.on_request_chunk(c.x, "x"), SLC_NEXT) << "it has no such hook";
  c.transport.on_room(c.x);
  EXPECT_EQ(c.x.body_broken, "the wire is cut");
  EXPECT_FALSE(c.x.body_finished);
  EXPECT_EQ(c.transport.on_room(c.x), "");
}

TEST(StreamingTransportTest, OneWithoutTheHooksMayNotStream) {
  Call c{"/", "t/whole"};
  c.x.request_body = "body";
  EXPECT_EQ(c.transport.send(c.x), SLC_REPLY);
  EXPECT_EQ(c.x.response_body, "whole");
}

TEST(StreamingTransportTest, InAnOlderGatewayBodiesAreWholeAndNothingIsKept) {
  FakeHost host;
  host.service = [](const slc_host* h, const char* id) noexcept -> const void* {
    const FakeHost current;
    const void* found = current.service(h, id);
    if (std::strcmp(id, SLC_SVC_STREAM) != 0) return found;
    static slc_stream_api old = *static_cast<const slc_stream_api*>(found);
    old.size = offsetof(slc_stream_api, follow);
    return &old;
  };
  Configured stream{host, slc_transport_entry, "t/stream", "{}", SLC_AT_BACKEND};
  FakeExchange x{host, SLC_AT_BACKEND};
  alive = 0;
  x.path = "/echo";
  x.request_body = "whole";
  EXPECT_EQ(stream.send(x), SLC_REPLY);
  EXPECT_EQ(x.response_body, "whole");
  EXPECT_EQ(alive, 0) << "cancel does not come there";
}

}  // namespace
