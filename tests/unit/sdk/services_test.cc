// The wrapper of chunk hooks, the store, background work and lookups, against the fakes: as an author's tests use them.
#include <gtest/gtest.h>

#include <thread>

#define SLC_ENTRY_SYMBOL slc_services_entry
#define SLUICE_PLUGIN_NAMESPACE services_sdk
#include <sluice/plugin.hpp>
#include <sluice/testing.hpp>

namespace {

using namespace std::chrono_literals;
using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;

// Makes bodies loud, twice as long on request; remembers across reloads how often.
class Loud {
 public:
  static constexpr auto name = "t/loud";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 1;
  explicit Loud(sluice::Setup& s) : mode_{s.text("mode")}, store_{s.store(5000)} {}

  Action on_response(Exchange x) const {
    if (mode_ == "skip") x.expect(SLC_RESPONSE, sluice::body_skipped);
    return sluice::next;
  }
  Action on_request_chunk(Exchange x, Chunk c) const {
    if (mode_ == "wait") {
      return x.after(5ms, [text = std::string{c.bytes()}](Exchange y) {
        y.emit(SLC_REQUEST, "waited ");
        return text == "stop" ? sluice::take : sluice::next;
      });
    }
    if (mode_ == "throw") throw std::runtime_error{"no"};
    return sluice::next;
  }
  Action on_response_chunk(Exchange, Chunk c) const {
    if (mode_ == "again" && !c.repeated()) return c.emit("first "), sluice::again;
    std::string text{c.bytes()};
    for (char& ch : text) ch = static_cast<char>(std::toupper(ch));
    c.emit(text);
    if (c.last()) c.emit("!");
    ++uses_;
    return sluice::take;
  }
  std::string export_state() const { return std::to_string(uses_.load()); }
  bool import_state(std::string_view s) {
    if (s.empty() || s[0] < '0' || s[0] > '9') return false;
    uses_ = std::stoi(std::string{s});
    return true;
  }

 private:
  std::string mode_;
  sluice::Store store_;
  mutable std::atomic<int> uses_{0};
};

// Does something with each service.
class Busy {
 public:
  static constexpr auto name = "t/busy";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 1;
  explicit Busy(sluice::Setup& s) : store_{s.store()}, refresh_{s.background().every(100ms, [this] { ++runs_; })} {}

  Action on_request(Exchange x) const {
    if (x.path() == "/work") {
      return x.background([] { return 42; }, [](Exchange y, int n) { return y.reply(200, std::to_string(n)); });
    }
    if (x.path() == "/throw") {
      return x.background([] { throw std::runtime_error{"no"}; }, [](Exchange y) { return y.reply(200); });
    }
    if (x.path() == "/runs") return x.reply(200, std::to_string(runs_.load()));
    if (x.path() == "/count") return x.reply(200, std::to_string(store_.increment("n", 2, 1000ms).value_or(-1)));
    if (x.path() == "/put") return store_.set("text", std::string(1000, 'x'), 50ms) && !store_.add("text", "y") ? x.reply(200) : x.reply(500);
    if (x.path() == "/get") return x.reply(200, store_.get("text").value_or("none") + std::string{x.read(store_, "text").value_or("none")});
    return x.lookup({.name = "_db._tcp.test", .services = true, .timeout = 70ms}, [](Exchange y, sluice::Names n) {
      return n.ok() ? y.reply(200, std::string{n.name(0)} + ":" + std::to_string(n[0].port)) : y.reply(502, n.error());
    });
  }

 private:
  sluice::Store store_;
  std::atomic<int> runs_{0};
  sluice::BackgroundTask refresh_;
};

struct Resounding {
  static constexpr auto name = "t/bell";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 1;
  struct PerWorker {
    PerWorker(const Resounding&, const sluice::Worker& w) : bell{w.doorbell([](void* n) noexcept { ++*static_cast<int*>(n); }, &heard)} {}
    PerWorker(const PerWorker&) = delete;
    int heard = 0;
    sluice::Doorbell bell;
  };
  Action on_request(Exchange x, PerWorker& mine) const {
    std::thread{[b = mine.bell] { b.ring(); }}.join();
    return x.reply(200, std::to_string(mine.heard));
  }
};

}  // namespace

SLC_PLUGIN("t.services", "1", Loud, Busy, Resounding)

namespace {

using namespace sluice::testing;

struct Made : Configured {
  Made(FakeHost& h, const char* binding, const char* json = "{}") : Configured{h, slc_services_entry, binding, json} { EXPECT_TRUE(ok()) << h.problem_text(); }
};

TEST(ChunkWrapperTest, ABodyPassesInPieces) {
  FakeHost host;
  Made loud{host, "t/loud", R"({"mode": "plain"})"};
  FakeExchange x{host};
  EXPECT_EQ(loud.pass_body(x, SLC_RESPONSE, {"ab", "", "c"}), "ABC!");
  EXPECT_EQ(loud.pass_body(x, SLC_REQUEST, {"ab", "c"}), "abc");
  EXPECT_EQ(host.store_limit, 5000u);
}

TEST(ChunkWrapperTest, AgainCallsWithTheSameChunk) {
  FakeHost host;
  Made loud{host, "t/loud", R"({"mode": "again"})"};
  FakeExchange x{host};
  EXPECT_EQ(loud.on_response_chunk(x, "a"), SLC_AGAIN);
  x.emitted[SLC_RESPONSE].clear();
  EXPECT_EQ(loud.pass_body(x, SLC_RESPONSE, {"a", "b"}), "first Afirst B!");
}

TEST(ChunkWrapperTest, AWaitingChunkHasATokenOfItsOwn) {
  FakeHost host;
  Made loud{host, "t/loud", R"({"mode": "wait"})"};
  FakeExchange x{host};
  for (const char* text : {"go", "stop"}) {
    EXPECT_EQ(loud.on_request_chunk(x, text), SLC_PENDING);
    EXPECT_FALSE(x.suspended()) << "the hooks of the exchange do not wait";
    EXPECT_FALSE(x.chunk_resumed[SLC_REQUEST]);
    host.advance(5);
    EXPECT_EQ(x.chunk_resumed[SLC_REQUEST], *text == 'g' ? SLC_NEXT : SLC_TAKE);
    EXPECT_FALSE(x.resumed);
  }
  EXPECT_EQ(x.emitted[SLC_REQUEST], "waited waited ");
}

TEST(ChunkWrapperTest, AnExceptionFailsTheBodyAndExpectIsPassedOn) {
  FakeHost host;
  Made throwing{host, "t/loud", R"({"mode": "throw"})"};
  FakeExchange x{host};
  EXPECT_EQ(throwing.on_request_chunk(x, "a"), SLC_FAIL);
  EXPECT_TRUE(host.logged("on_request_chunk threw: no"));
  Made skipping{host, "t/loud", R"({"mode": "skip"})"};
  FakeExchange y{host};
  skipping.on_response(y);
  EXPECT_EQ(y.expected[SLC_RESPONSE], SLC_BODY_SKIPPED);
}

TEST(HandOverTest, AnObjectTakesOverWhatItsPredecessorKnew) {
  FakeHost host;
  Made old{host, "t/loud", R"({"mode": "plain"})"}, fresh{host, "t/loud", R"({"mode": "plain"})"};
  FakeExchange x{host};
  old.pass_body(x, SLC_RESPONSE, {"a", "b"});
  ASSERT_EQ(old.export_state(), "2");
  EXPECT_TRUE(fresh.import_state("2"));
  EXPECT_EQ(fresh.export_state(), "2");
  EXPECT_FALSE(fresh.import_state("of another version"));
  Made busy{host, "t/busy"};
  EXPECT_FALSE(busy.export_state()) << "this class hands nothing over";
}

TEST(BackgroundWrapperTest, TheResultOfAJobIsTheHooksAnswer) {
  FakeHost host;
  Made busy{host, "t/busy"};
  host.run_jobs();
  FakeExchange x{host};
  x.path = "/work";
  EXPECT_EQ(busy.on_request(x), SLC_PENDING);
  EXPECT_FALSE(x.resumed);
  host.run_jobs();
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.response_body, "42");
}

TEST(BackgroundWrapperTest, AJobThatThrowsFailsTheExchange) {
  FakeHost host;
  Made busy{host, "t/busy"};
  FakeExchange x{host};
  x.path = "/throw";
  EXPECT_EQ(busy.on_request(x), SLC_PENDING);
  host.run_jobs();
  EXPECT_EQ(x.resumed, SLC_FAIL);
  EXPECT_TRUE(host.logged("background work threw: no"));
}

TEST(BackgroundWrapperTest, TooMuchWorkIsRefusedAndAnEndingExchangeTakesItsJobsAlong) {
  FakeHost host;
  Made busy{host, "t/busy"};
  const size_t before = host.jobs();
  {
    FakeExchange x{host};
    x.path = "/work";
    EXPECT_EQ(busy.on_request(x), SLC_PENDING);
    EXPECT_EQ(host.jobs(), before + 1);
  }
  EXPECT_EQ(host.jobs(), before);
  host.refuse_jobs = true;
  FakeExchange x{host};
  x.path = "/work";
  EXPECT_EQ(busy.on_request(x), SLC_FAIL);
  ASSERT_TRUE(x.failure);
  EXPECT_EQ(x.failure->http_status, 503);
}

TEST(BackgroundWrapperTest, ATaskRepeatsUntilItsObjectEnds) {
  FakeHost host;
  {
    Made busy{host, "t/busy"};
    for (int i = 1; i <= 3; ++i) {
      host.run_jobs();
      FakeExchange x{host};
      x.path = "/runs";
      busy.on_request(x);
      EXPECT_EQ(x.response_body, std::to_string(i));
      host.advance(100);
    }
    EXPECT_EQ(host.jobs(), 1u);
  }
  EXPECT_EQ(host.jobs(), 0u);
}

TEST(LookupWrapperTest, ServicesAndFailuresReachTheCallback) {
  FakeHost host;
  Made busy{host, "t/busy"};
  FakeExchange x{host};
  EXPECT_EQ(busy.on_request(x), SLC_PENDING);
  ASSERT_EQ(host.lookups().size(), 1u);
  EXPECT_EQ(host.lookups()[0].name, "_db._tcp.test");
  EXPECT_TRUE(host.lookups()[0].services);
  EXPECT_EQ(host.lookups()[0].timeout_ms, 70u);
  host.answer_lookup(0, {{"db1.test", 5432}});
  EXPECT_EQ(x.resumed, SLC_REPLY);
  EXPECT_EQ(x.response_body, "db1.test:5432");
  FakeExchange y{host};
  busy.on_request(y);
  host.fail_lookup(0, SLC_ENOTFOUND, "no such name");
  EXPECT_EQ(y.status, 502);
  EXPECT_EQ(y.response_body, "no such name");
}

TEST(StoreWrapperTest, ValuesAndCountersHaveATime) {
  FakeHost host;
  Made busy{host, "t/busy"};
  const auto ask = [&](const char* path) {
    FakeExchange x{host};
    x.path = path;
    busy.on_request(x);
    return std::to_string(x.status) + x.response_body;
  };
  EXPECT_EQ(ask("/count"), "2002");
  EXPECT_EQ(ask("/count"), "2004");
  host.advance(1000);
  EXPECT_EQ(ask("/count"), "2002");
  EXPECT_EQ(ask("/get"), "200nonenone");
  EXPECT_EQ(ask("/put"), "200");
  EXPECT_EQ(ask("/get"), "200" + std::string(2000, 'x')) << "longer than the first guess";
  host.advance(50);
  EXPECT_EQ(ask("/get"), "200nonenone");
}

TEST(DoorbellTest, OtherThreadsRingIt) {
  FakeHost host;
  Made bell{host, "t/bell"};
  FakeExchange x{host};
  bell.on_request(x);
  EXPECT_EQ(x.response_body, "0") << "not from inside the call";
  host.run_posted();
  bell.on_request(x);
  EXPECT_EQ(x.response_body, "1");
}

// A gateway that is older than the header: its loop table ends before the late field.
TEST(RemainingTest, TheTimeThatIsLeftIsAskedForOnlyWhereItIsKnown) {
  sluice::testing::FakeHost host;
  sluice::testing::FakeExchange x{host};
  const auto loop_of = [&] { return static_cast<const slc_loop_api*>(host.service(&host, SLC_SVC_LOOP)); };
  slc_loop_api old = *loop_of();
  old.size = offsetof(slc_loop_api, remaining_ms);
  sluice::detail::Services services{&host};
  void* slot = nullptr;
  services.loop = loop_of();
  const Exchange now{x.handle(), &services, &slot};
  EXPECT_EQ(now.remaining(), std::nullopt);
  x.remaining_ms = 1500;
  EXPECT_EQ(now.remaining(), 1500ms);
  x.remaining_ms = 0;
  EXPECT_EQ(now.remaining(), 0ms) << "the time is over";
  services.loop = &old;
  EXPECT_EQ(now.remaining(), std::nullopt);
}

}  // namespace
