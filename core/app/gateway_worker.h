// One worker: a loop with its listener, its connections to backends and its part of the live generations, on a thread.
//
// Generations belong to the main thread. A worker has a plan of each that it was given: staged (its plugins' worker states are
// made, no request comes), serving, or retiring (the last requests end on it). Every plan that stage() was called for is
// reported to `retired` exactly once, when nothing on this worker looks into its generation any more.
#pragma once
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/http/server.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/plan.h"

namespace sluice::app {

// Who gets the requests that begin from now on, by number of generation.
struct WorkerRoute {
  uint64_t current = 0;
  uint64_t trial = 0;                        // 0: none
  uint32_t share = 0;                        // of the trial, in hundredths of a percent
  pipeline::Outcomes* of_current = nullptr;  // while there is a trial; they live as long as its generation
  pipeline::Outcomes* of_trial = nullptr;
};

struct WorkerCounts {
  uint64_t connections = 0, requests = 0;
  std::vector<std::pair<uint64_t, uint32_t>> in_flight;  // per generation
  http::ClientStats client;
};

// What the configuration says about connections to backends. [any]
http::ClientOptions client_options(const config::Config&);

class GatewayWorker final : public http::Handler {
 public:
  using Retired = std::function<void(uint64_t number)>;
  // `retired`: [worker].
  GatewayWorker(const pipeline::Generation& first, uint32_t index, uint32_t count, Retired retired);
  ~GatewayWorker();  // after join()

  // [main] Before run(): opens the listener.
  Result<uint16_t, Problem> listen(const std::string& ip, uint16_t port);
  // [main] Starts the thread and waits until the plugins' worker states of the first generation are made. Problem: the thread
  // has ended again. `ended`: [worker], the last thing it does.
  Result<bool, Problem> run(pipeline::Generation& first, uint64_t number, std::function<void()> ended);
  // [any] Stops accepting and ends when the last request is done, or after `limit_ms`.
  void drain(uint64_t limit_ms);
  // [any] Ends now.
  void stop();
  void join();
  // [main] After join(): the plans, which look into generations. The rest stays: threads of plugins may ask for it until their
  // objects are gone.
  void drop_plans() { parts_.clear(); }
  // [any] Runs `fn` on the worker, in order; dropped when the worker has ended. The functions below are for it.
  void post(std::function<void()> fn);

  // ---- [worker] ----
  // Makes the plan of a generation and starts it. Problem: a plugin refused; the plan is gone.
  Result<bool, Problem> stage(pipeline::Generation&, uint64_t number);
  // Another address, beside the present one until route().
  Result<uint16_t, Problem> open_next(const std::string& ip, uint16_t port) { return server_.open_next(ip, port, true); }
  void drop_next() { server_.drop_next(); }
  // The swap: requests that begin later go where `to` says, every other plan retires. `c`: limits of server and client.
  // `tls`: of connections that come from now on; null: plain.
  void route(const WorkerRoute& to, const config::Config& c, std::shared_ptr<http::TlsServerContext> tls);
  // Only the plan with this number retires.
  void retire(uint64_t number);
  WorkerCounts counts() const;

  void on_request(http::Stream&) noexcept override;

 private:
  struct Part {
    uint64_t number = 0;
    std::unique_ptr<pipeline::WorkerPlan> plan;
    bool retiring = false;
  };
  Part* find(uint64_t number);
  void retire(Part&);
  void sweep();  // plans that have become quiet
  void end();    // on the loop: everything that holds a handle, then the loop itself

  loop::Loop loop_;
  http::Client client_;
  slc_worker worker_;
  http::Server server_;
  std::vector<Part> parts_;
  pipeline::WorkerPlan *plan_ = nullptr, *trial_ = nullptr;
  uint32_t share_ = 0, credit_ = 0;
  uint64_t requests_ = 0;
  Retired retired_;
  loop::Deadline limit_, sweep_;
  std::thread thread_;
  bool ended_ = false;
};

}  // namespace sluice::app
