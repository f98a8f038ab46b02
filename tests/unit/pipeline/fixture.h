// One worker's pipeline without sockets: a configuration is compiled with a plugin that is linked into the test, requests come
// from streams that the test holds, and every backend is a transport that waits until the test says how it ends. Whatever
// happens is written down in order. One thread; nothing waits for time unless the test is about a time-out.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/pipeline/exchange.h"
#include "sluice/plugin.hpp"
#include "tests/unit/plugin/fake.h"

namespace sluice::pipeline::testing {

// What the hooks and transports of the test's plugin did, and whom they wait for.
struct Play {
  struct Waiting {
    std::string id;
    sluice::Exchange x;
    sluice::Suspension suspension;
  };
  std::vector<std::string> events;
  std::deque<Waiting> waiting;  // hooks that answered "wait", and calls to backends; in order, never taken out
};
inline Play* play = nullptr;  // of the running test

class FakeStream final : public http::Stream {
 public:
  FakeStream(BlockPool& pool, std::string method, std::string path) : arena_{pool}, method_{std::move(method)}, path_{std::move(path)} {
    head_.method = method_, head_.target = head_.path = path_, head_.host = "test";
    head_.headers.bind(arena_);
  }
  ~FakeStream() = default;

  // ---- what the client got ----
  int status = 0;
  std::string text, completed, location;  // completed: X-Krakend-Completed
  bool released = false, aborted = false;
  void add_header(const http::Header& h) { head_.headers.add(h.name, h.value); }
  void leave() { owner_->on_gone(); }  // the client closes its connection

  Arena& arena() override { return arena_; }
  const http::RequestHead& head() override { return head_; }
  std::string_view peer_ip() override { return "192.0.2.1"; }
  bool secure() override { return false; }
  void set_owner(http::StreamOwner* o) override { owner_ = o; }
  bool body_complete() override { return true; }
  http::Slice body() override { return {}; }
  void read_body() override {}
  void pause_body() override {}
  void resume_body() override {}
  void respond(const http::ResponseHead& h, http::Slices pieces, http::Life) override { take(h, pieces); }
  void start(const http::ResponseHead& h, http::Slices pieces, http::Life) override { take(h, pieces); }
  bool write(http::Slices pieces, http::Life) override {
    for (http::Slice s : pieces) text += s;
    return true;
  }
  void finish() override {}
  void abort() override { aborted = true; }
  void close_after() override {}
  bool started() override { return status != 0; }
  void release() override { released = true; }

 private:
  void take(const http::ResponseHead& h, http::Slices pieces);
  Arena arena_;
  std::string method_, path_;
  http::RequestHead head_;
  http::StreamOwner* owner_ = nullptr;
};

class Pipeline {
 public:
  // `endpoints` is the inside of the list; `root` further members of the root, each with a comma behind it.
  explicit Pipeline(const std::string& endpoints, const std::string& root = "");
  ~Pipeline();

  FakeStream& request(const std::string& path = "/x", const std::string& method = "GET", const http::Header& header = {});
  // Ends the nth wait with this id (0: the first one there was), and lets the loop turn.
  bool resume(std::string_view id, sluice::Action, size_t nth = 0);
  // While its exchange lives only: for what comes too late there is resume(). A backend's answer: members with numbers, such as R"("a":1,"b":2)".
  bool answer(std::string_view id, std::string_view members, size_t nth = 0, bool complete = true);
  bool refuse(std::string_view id, size_t nth = 0);  // the call fails
  void until_released(const FakeStream&);
  size_t waiting(std::string_view id) const;  // how many waits with this id there have been

  // Since the last call, in one line: "end-a request, call send".
  std::string events();
  std::vector<std::string> take_events() { return std::exchange(play_.events, {}); }

  plugin::testing::FakeWorker worker;

  uint32_t running() const { return plan_->running; }

 private:
  Play::Waiting& at(std::string_view id, size_t nth);
  Play play_;
  std::shared_ptr<Generation> generation_;
  std::unique_ptr<WorkerPlan> plan_;
  std::deque<FakeStream> streams_;
};

}  // namespace sluice::pipeline::testing
