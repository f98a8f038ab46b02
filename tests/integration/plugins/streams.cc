// test/stream-<scope>: chunk hooks at each scope. A block is {"id": "A", "mode": …, "side": "response" (default), "request" or
// "both"}; other options go with a mode.
//   wrap       "<A>" in front of the body, "</A>" behind it          upper      capital letters
//   observe    counts; logs "A saw 12 bytes in 2 chunks"             keep       upper, and says that the length stays
//   lie        says that the length stays, and drops a byte          skip       says that it does not want the body
//   expand     every byte "times" times, in as many calls as needed  collect    nothing until the end, then all of it reversed
//   wait       each chunk waits for a timer                          background each chunk is made "upper" by another thread
//   fail       at the chunk number "at" with "status"                heartbeat  "." from a timer every 20 ms
//   endless    asks for the same chunk again and gives nothing       garbage    answers an action that nobody knows
#include <algorithm>
#include <sluice/plugin.hpp>
#include <thread>

namespace {

using sluice::Action;
using sluice::Chunk;
using sluice::Exchange;
using namespace std::chrono_literals;

std::string upper(std::string_view s) {
  std::string out{s};
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return out;
}

// What one exchange remembers, by side.
struct Seen {
  struct Side {
    size_t bytes = 0;
    int chunks = 0;
    size_t done = 0;  // of the chunk in work
    std::string all;
  } sides[2];
};

template <uint32_t Scope>
class Streaming {
 public:
  static constexpr uint32_t scopes = Scope;
  static constexpr int32_t stage = 450;

  explicit Streaming(sluice::Setup& setup)
      : id_{setup.text("id", "x")}, mode_{setup.text("mode")}, side_{setup.text("side", "response")},
        times_{static_cast<size_t>(setup.integer("times", 1))}, at_{static_cast<int>(setup.integer("at", 1))},
        status_{static_cast<int>(setup.integer("status", 0))} {}

  Action on_request(Exchange x) const {
    x.make_state<Seen>();
    promise(x, SLC_REQUEST);
    return sluice::next;
  }
  Action on_response(Exchange x) const {
    promise(x, SLC_RESPONSE);
    if (mode_ == "heartbeat") beat(x);
    return sluice::next;
  }
  Action on_request_chunk(Exchange x, Chunk c) const { return side_ == "response" ? sluice::next : chunk(x, c, 0); }
  Action on_response_chunk(Exchange x, Chunk c) const { return side_ == "request" ? sluice::next : chunk(x, c, 1); }
  void on_done(Exchange x) const { x.log(sluice::Level::info, "done ", id_, " ", x.outcome()); }

 private:
  bool concerns(int32_t side) const { return side_ == "both" || (side_ == "request") == (side == SLC_REQUEST); }
  void promise(Exchange x, int32_t side) const {
    if (!concerns(side)) x.expect(side, sluice::body_skipped);
    else if (mode_ == "keep" || mode_ == "lie" || mode_ == "observe") x.expect(side, sluice::length_kept);
    else if (mode_ == "skip") x.expect(side, sluice::body_skipped);
  }
  void beat(Exchange x) const {
    x.call_later(20ms, [this](Exchange y) {
      if (y.emit(SLC_RESPONSE, ".").value != SLC_ESTALE) beat(y);
    });
  }

  Action chunk(Exchange x, Chunk c, int side) const {
    Seen::Side& seen = x.state<Seen>()->sides[side];
    if (!c.repeated()) seen.bytes += c.bytes().size(), ++seen.chunks, seen.done = 0;
    if (mode_ == "wrap") {
      if (seen.chunks == 1) c.emit("<" + id_ + ">");
      if (!c.last()) return sluice::next;
      c.emit(c.bytes());
      c.emit("</" + id_ + ">");
      return sluice::take;
    }
    if (mode_ == "upper" || mode_ == "keep") return c.emit(upper(c.bytes())) ? sluice::take : sluice::failed;
    if (mode_ == "lie") return c.emit(c.bytes().substr(std::min<size_t>(c.bytes().size(), 1))) ? sluice::take : sluice::failed;
    if (mode_ == "observe" || mode_ == "skip") {
      if (c.last()) x.log(sluice::Level::info, id_, " saw ", seen.bytes, " bytes in ", seen.chunks, " chunks");
      return sluice::next;
    }
    if (mode_ == "expand") {
      while (seen.done < c.bytes().size()) {
        if (!c.emit(std::string(times_, c.bytes()[seen.done]))) return sluice::again;
        ++seen.done;
      }
      return sluice::take;
    }
    if (mode_ == "collect") {
      seen.all += c.bytes();
      if (!c.last()) return sluice::take;
      std::reverse(seen.all.begin(), seen.all.end());
      c.emit(seen.all);
      return sluice::take;
    }
    if (mode_ == "wait") return x.after(1ms, [](Exchange) { return sluice::next; });
    if (mode_ == "background") {
      return x.background([text = std::string{c.bytes()}, worker = std::this_thread::get_id()] {
        return std::this_thread::get_id() == worker ? std::string{"the worker's own thread"} : upper(text);
      }, [side](Exchange y, const std::string& text) {
        return y.emit(side, text) ? sluice::take : sluice::failed;
      });
    }
    if (mode_ == "fail") return seen.chunks == at_ ? x.fail(status_, id_ + " will not have it", "no", "text/plain") : sluice::next;
    if (mode_ == "endless") return sluice::again;
    if (mode_ == "garbage") return Action{4711};
    return sluice::next;
  }

  std::string id_, mode_, side_;
  size_t times_;
  int at_, status_;
};

struct AtServer : Streaming<sluice::scope::service> {
  static constexpr auto name = "test/stream-server";
  static constexpr int32_t stage = 250;
  using Streaming::Streaming;
};
struct AtService : Streaming<sluice::scope::service> {
  static constexpr auto name = "test/stream-service";
  using Streaming::Streaming;
};
struct AtEndpoint : Streaming<sluice::scope::endpoint> {
  static constexpr auto name = "test/stream-endpoint";
  using Streaming::Streaming;
};
struct AtProxy : Streaming<sluice::scope::proxy> {
  static constexpr auto name = "test/stream-proxy";
  using Streaming::Streaming;
};
struct AtBackend : Streaming<sluice::scope::backend> {
  static constexpr auto name = "test/stream-backend";
  using Streaming::Streaming;
};
struct AtBackendToo : Streaming<sluice::scope::backend> {  // outside of the other one
  static constexpr auto name = "test/stream-backend-outer";
  static constexpr int32_t stage = 100;
  using Streaming::Streaming;
};

}  // namespace

SLC_PLUGIN("test.streams", "1.0.0", AtServer, AtService, AtEndpoint, AtProxy, AtBackend, AtBackendToo)
