// One worker: a loop with its listener, its connections to backends and its part of the running generation, on a thread.
#pragma once
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "core/http/server.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/plan.h"

namespace sluice::app {

class GatewayWorker final : public http::Handler {
 public:
  GatewayWorker(std::shared_ptr<pipeline::Generation>, uint32_t index, uint32_t count);
  ~GatewayWorker();  // after join()

  // [main] Before run(): opens the listener.
  Result<uint16_t, Problem> listen(const std::string& ip, uint16_t port);
  // [main] Starts the thread and waits until the plugins' worker states are made. Problem: the thread has ended again.
  Result<bool, Problem> run();
  // [any] Stops accepting and ends when the last request is done, or after `limit_ms`.
  void drain(uint64_t limit_ms);
  // [any] Ends now.
  void stop();
  void join();

  void on_request(http::Stream&) noexcept override;

 private:
  void end();  // on the loop: everything that holds a handle, then the loop itself
  loop::Loop loop_;
  http::Client client_;
  slc_worker worker_;
  http::Server server_;
  std::unique_ptr<pipeline::WorkerPlan> plan_;
  loop::Deadline limit_;
  std::thread thread_;
  bool ended_ = false;
};

}  // namespace sluice::app
