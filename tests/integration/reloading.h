// Asking a running gateway to reload, and what it says about itself.
#pragma once
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/integration/gateway_config.h"
#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {

inline Ran sluice_reload(const GatewayProcess& g, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv{gateway_binary(), "reload", "--admin", g.admin()};
  argv.insert(argv.end(), more.begin(), more.end());
  return run_program(argv);
}

inline Json status_of(const GatewayProcess& g) {
  Ran ran = run_program({gateway_binary(), "status", "--json", "--admin", g.admin()});
  if (ran.code != 0) throw Failure("no status: " + ran.output);
  return Json::parse_or_throw(ran.output, "the status");
}

inline long long generations_of(const GatewayProcess& g) { return static_cast<long long>(status_of(g).at("generations").size()); }

// Asks until as many generations live; each turn waits for the gateway's answer.
inline bool wait_for_generations(const GatewayProcess& g, long long wanted) {
  for (int i = 0; i < 300; ++i)
    if (generations_of(g) == wanted) return true;
  return false;
}

// For an endpoint with test/stamp, when nobody else asks: every request that it saw begin has ended in its on_done, once. The last
// ones end a moment after their answers, so this asks again; the request that tells is always the one that has not ended.
inline void expect_each_request_done(const GatewayProcess& g, const std::string& path) {
  long long begun = 0, done = 0;
  for (int i = 0; i < 300; ++i) {
    const Response r = get_once(g.port(), path);
    begun = std::stoll(r.header("X-Count")), done = std::stoll(r.header("X-Done-Count"));
    ASSERT_LT(done, begun) << "more ends than beginnings";
    if (begun - done == 1) return;
  }
  ADD_FAILURE() << begun << " requests began, and " << done << " have ended";
}

// Clients with a connection each that ask for the same thing for as long as this lives, and count what was not as it should be.
class Load {
 public:
  using Check = std::function<bool(const Response&)>;
  Load(uint16_t port, int clients, std::string path, Check good) : path_{std::move(path)}, good_{std::move(good)} {
    for (int i = 0; i < clients; ++i) threads_.emplace_back([this, port] { run(port); });
  }
  ~Load() { end(); }
  void end() {
    stop_ = true;
    for (std::thread& t : threads_)
      if (t.joinable()) t.join();
  }
  // Returns when so many more answers have come.
  void wait_for(int more) {
    const int until = answers_ + more;
    while (answers_ < until && lost_ == 0) std::this_thread::yield();
  }
  int answers() const { return answers_; }
  int bad() const { return bad_; }
  int lost() const { return lost_; }  // connections that broke

 private:
  void run(uint16_t port) {
    try {
      TestClient client(port);
      while (!stop_) {
        if (!good_(client.get(path_))) ++bad_;
        ++answers_;
      }
    } catch (const std::exception&) {
      ++lost_;
    }
  }
  std::string path_;
  Check good_;
  std::atomic<bool> stop_{false};
  std::atomic<int> answers_{0}, bad_{0}, lost_{0};
  std::vector<std::thread> threads_;
};

}  // namespace sluice::test
