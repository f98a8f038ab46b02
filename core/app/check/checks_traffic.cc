// Requests through the real gateway, polite and rude.
#include "core/app/check/kit.h"
#include "core/app/check/spy.h"
#include "core/app/check/traffic.h"

namespace sluice::app::check {
namespace {

const char* const kModes[] = {"ok", "chunked", "empty", "error", "garbage", "reset", "headers", "big", "deep", "cut"};

}  // namespace

void check_workers(Session& s) {
  const spy::Counts before = spy::counts();
  if (auto site = opened(s, "workers", 3)) {
    for (const Spot& spot : s.spots()) still_serves(s, *site, "workers", spot);
  } else {
    return;
  }
  if (s.tell_violations()) return;
  const spy::Counts now = spy::counts();
  const uint64_t started = now.workers_started - before.workers_started;
  s.tell(State::passed, "workers",
         started ? "started and stopped on 3 workers, " + std::to_string(started) + " states made and given back"
                 : "no state of its own per worker; served by 3 workers");
}

void check_requests(Session& s) {
  auto site = opened(s, "requests");
  if (!site) return;
  size_t asked = 0;
  bool lost = false;
  for (const Spot& spot : s.spots())
    for (const char* mode : kModes) {
      const Answer a = s.expect_answer(*site, "requests", spot.title + ", backend answers \"" + mode + "\"", get(spot, mode));
      // Half a body that is streamed can only end with the connection: its head has left.
      const bool missing = !a.status && !(spot.raw && mode == std::string_view{"cut"});
      lost = lost || missing;
      if (missing)
        s.tell(State::failed, "requests", spot.title + ", backend answers \"" + mode + "\": " + a.problem, "The client must get an answer, if only an error.");
      ++asked;
    }
  site.reset();
  if (!s.tell_violations() && !lost)
    s.tell(State::passed, "requests",
           std::to_string(asked) + " requests at " + spots_text(s) + ", to backends that answer well, badly, in pieces and not at all");
}

void check_bodies(Session& s) {
  auto site = opened(s, "bodies");
  if (!site) return;
  const std::string document{sample_document()};
  size_t asked = 0;
  for (const Spot& spot : s.spots()) {
    auto expect = [&](const std::string& what, const std::string& request) {
      s.expect_answer(*site, "bodies", spot.title + ", " + what, request);
      ++asked;
    };
    expect("an empty POST", post(spot, "ok", "", "Content-Length: 0\r\n"));
    expect("a JSON body", post(spot, "ok", document, "Content-Type: application/json\r\n"));
    expect("a body of 1 MiB", post(spot, "ok", std::string(size_t{1} << 20, 'b')));
    expect("a body of arbitrary bytes", post(spot, "ok", std::string("\0\xff\xfe\r\n\r\n{[", 9)));
    std::string chunked;
    for (char c : document) chunked += std::string{"1\r\n"} + c + "\r\n";
    expect("a chunked body", request_text("POST", spot.path + "/ok", "Transfer-Encoding: chunked\r\n") + chunked + "0\r\n\r\n");
    expect("a header of 16 KiB", get(spot, "ok", "X-Long: " + std::string(16'000, 'h') + "\r\n"));
    std::string many;
    for (int i = 0; i < 300; ++i) many += "X-" + std::to_string(i) + ": " + std::to_string(i) + "\r\n";
    expect("300 headers", get(spot, "ok", many));
    expect("empty headers, twice", get(spot, "ok", "X-Check:\r\nX-Check: \r\nAuthorization:\r\nCookie:\r\nAccept:\r\n"));
    expect("headers that are no ASCII", get(spot, "ok", "X-Check: \xc3\xa4\xff\r\nAuthorization: Bearer \x80\r\n"));
    expect("a long query", get(spot, "ok?" + std::string(8'000, 'q') + "=1&a=%00&b=%zz&&="));
    // One byte at a time, as a slow client would.
    Client slow{site->port()};
    const std::string request = post(spot, "ok", "slowly", "Content-Type: text/plain\r\n");
    for (char c : request) slow.send({&c, 1});
    slow.read(s.options().answer_ms);
    ++asked;
    still_serves(s, *site, "bodies", spot);
  }
  site.reset();
  if (!s.tell_violations()) s.tell(State::passed, "bodies", std::to_string(asked) + " requests with empty, large, chunked, slow and odd bodies and headers");
}

void check_clients(Session& s) {
  auto site = opened(s, "clients");
  if (!site) return;
  size_t left = 0, while_suspended = 0;
  for (const Spot& spot : s.spots()) {
    auto leave_after = [&](const std::string& sent, bool reset) {
      Client c{site->port()};
      c.send(sent);
      c.leave(reset);
      ++left;
    };
    for (bool reset : {true, false}) {
      leave_after("GET " + spot.path + "/ok HTTP/1.1\r\nHos", reset);
      leave_after("POST " + spot.path + "/ok HTTP/1.1\r\nHost: check\r\nContent-Length: 1000\r\n\r\n0123456789", reset);
      leave_after(get(spot, "ok"), reset);
      // When its hooks have run, and the backend does not answer.
      Client c{site->port()};
      const uint64_t hooks = spy::counts().hooks;
      c.send(get(spot, "late"));
      spy::wait_for_hooks(hooks + 1, 300);
      // Where a hook waits for something, in the middle of that.
      if (spy::counts().suspended && spy::wait_for_suspended(1000)) ++while_suspended;
      c.leave(reset);
      ++left;
      // When the answer has begun to come.
      Client reader{site->port()};
      reader.send(get(spot, "big"));
      reader.read(s.options().answer_ms, true);
      reader.leave(reset);
      ++left;
    }
    {
      std::vector<std::unique_ptr<Client>> crowd;
      for (int i = 0; i < 16; ++i) {
        crowd.push_back(std::make_unique<Client>(site->port()));
        crowd.back()->send(get(spot, i % 3 == 0 ? "late" : "ok"));
      }
      for (size_t i = 0; i < crowd.size(); ++i) crowd[i]->leave(i % 2 == 0);
      left += crowd.size();
    }
    still_serves(s, *site, "clients", spot);
  }
  site.reset();
  if (!s.tell_violations())
    s.tell(State::passed, "clients", std::to_string(left) + " clients left in the middle of things" +
                                         (while_suspended ? ", some while a hook was waiting" : ""));
}

void check_timeouts(Session& s) {
  auto site = opened(s, "time-outs", 1, "120ms");
  if (!site) return;
  size_t asked = 0;
  for (const Spot& spot : s.spots())
    for (int i = 0; i < 2; ++i) {
      s.expect_answer(*site, "time-outs", spot.title + ", a backend that never answers", get(spot, "late"));
      ++asked;
    }
  for (const Spot& spot : s.spots()) still_serves(s, *site, "time-outs", spot);
  site.reset();
  if (!s.tell_violations()) s.tell(State::passed, "time-outs", std::to_string(asked) + " requests ended by the time-out");
}

namespace {

// create() with its chosen block, each call that may be refused refused in turn, then all: objects of one kind after the other,
// beside no gateway. What create() makes of it is its own affair, so long as it survives. How often something was refused.
uint64_t refuse_in_create(Session& s, uint64_t most) {
  uint64_t refusals = 0;
  for (const plugin::Binding* b : s.bindings()) {
    spy::refuse(0, false);
    s.make_object(*b);
    const uint64_t calls = spy::refusable_calls();
    for (uint64_t n = 1; n <= std::min(calls, most) + 1 && calls; ++n) {
      const bool all = n > std::min(calls, most);
      spy::refuse(all ? 1 : n, all);
      s.make_object(*b);
      ++refusals;
    }
  }
  spy::refuse(0, false);
  return refusals;
}

}  // namespace

void check_memory(Session& s) {
  constexpr uint64_t kMost = 24;
  uint64_t refusals = refuse_in_create(s, kMost);
  auto site = opened(s, "memory", 1, "300ms");
  if (!site) return;
  for (const Spot& spot : s.spots()) {
    spy::refuse(0, false);
    s.expect_answer(*site, "memory", spot.title, post(spot, "ok", R"({"a":1})"));
    const uint64_t calls = spy::refusable_calls();
    for (uint64_t n = 1; n <= std::min(calls, kMost); ++n) {
      spy::refuse(n, false);
      s.expect_answer(*site, "memory", spot.title + ", with the " + std::to_string(n) + ". request for memory refused", post(spot, "ok", R"({"a":1})"));
      ++refusals;
    }
    if (calls) {
      spy::refuse(1, true);
      s.expect_answer(*site, "memory", spot.title + ", with every request for memory refused", post(spot, "ok", R"({"a":1})"));
      ++refusals;
    }
    spy::refuse(0, false);
    still_serves(s, *site, "memory", spot);
  }
  site.reset();
  if (s.tell_violations()) return;
  s.tell(State::passed, "memory", refusals ? std::to_string(refusals) + " refusals of memory, timers and the like, each survived"
                                           : "asks the gateway for nothing that could be refused");
}

}  // namespace sluice::app::check
