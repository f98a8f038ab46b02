// Bodies on their way: pieces that end anywhere and come when they like, clients that read slowly, bodies that break off.
#include <chrono>
#include <thread>

#include "core/app/check/kit.h"
#include "core/app/check/spy.h"
#include "core/app/check/traffic.h"

namespace sluice::app::check {
namespace {

constexpr std::chrono::milliseconds kPause{3};

std::string shown(const Answer& a) {
  if (!a.status) return a.problem;
  return std::to_string(a.status) + " " + a.body.substr(0, 120) + (a.body.size() > 120 ? "… (" + std::to_string(a.body.size()) + " bytes)" : "");
}
bool same(const Answer& a, const Answer& b) { return a.status == b.status && a.body == b.body; }

// What the client gets must not depend on how the backend's body came. Not said of plugins that never answer alike.
bool compare_deliveries(Session& s, const Site& site, const Spot& spot) {
  const std::string request = get(spot, "ok");
  auto ask_for = [&](Delivery d, const char* how) {
    s.backend().set_delivery(d);
    Answer a = s.expect_answer(site, "streams", spot.title + ", a body that comes " + how, request);
    s.backend().set_delivery(Delivery::whole);
    return a;
  };
  const Answer whole = ask_for(Delivery::whole, "at once");
  const Answer slow = ask_for(Delivery::slow, "slowly"), bytes = ask_for(Delivery::bytes, "byte by byte");
  const Answer again = ask_for(Delivery::whole, "at once");
  if (!same(whole, again)) return false;
  for (const Answer* a : {&slow, &bytes}) {
    if (same(whole, *a)) continue;
    s.tell(State::failed, "streams",
           spot.title + " makes something else of a body that comes " + (a == &slow ? "slowly" : "byte by byte") + ":\nat once: " + shown(whole) +
               "\nin pieces: " + shown(*a),
           "Chunks end anywhere: keep what is needed between them in the exchange's state (*slot, make_state).");
    return true;
  }
  return false;
}

}  // namespace

void check_streams(Session& s) {
  auto site = opened(s, "streams", 1, "2s");
  if (!site) return;
  const uint64_t before = spy::counts().chunks;
  size_t asked = 0, streamed = 0;
  bool differs = false;
  for (const Spot& spot : s.spots()) {
    streamed += spot.raw && spot.binding->interface_id == SLC_IFACE_MIDDLEWARE;
    differs = compare_deliveries(s, *site, spot) || differs;
    // A request body with pauses.
    const std::string request = post(spot, "ok", sample_document(), "Content-Type: application/json\r\n");
    {
      Client slow{site->port()};
      const size_t head = request.size() - sample_document().size(), piece = sample_document().size() / 5 + 1;
      slow.send(std::string_view{request}.substr(0, head));
      for (size_t at = head; at < request.size(); at += piece) {
        std::this_thread::sleep_for(kPause);
        slow.send(std::string_view{request}.substr(at, piece));
      }
      if (const Answer a = slow.read(s.options().answer_ms); !a.status)
        s.tell(State::failed, "streams", spot.title + ", a body that the client sends slowly: " + a.problem,
               "The client must get an answer, if only an error.");
    }
    // One that never comes whole, and a backend's that breaks off.
    {
      Client broken{site->port()};
      broken.send(std::string_view{request}.substr(0, request.size() - sample_document().size() / 2));
      std::this_thread::sleep_for(kPause);
      broken.leave(false);
    }
    s.expect_answer(*site, "streams", spot.title + ", a backend's body that breaks off", get(spot, "cut"));
    // A client that reads nothing for a while: whoever writes has to wait.
    {
      Client lazy{site->port()};
      lazy.send(get(spot, "big"));
      std::this_thread::sleep_for(kPause * 5);
      lazy.read(s.options().answer_ms);
    }
    still_serves(s, *site, "streams", spot);
    asked += 8;
  }
  site.reset();
  if (s.tell_violations() || differs) return;
  const uint64_t chunks = spy::counts().chunks - before;
  s.tell(State::passed, "streams", std::to_string(asked) + " bodies that came slowly, in bytes, broke off or were read slowly" +
                                       (streamed ? "; " + std::to_string(chunks) + " calls of chunk hooks" : ""));
}

}  // namespace sluice::app::check
