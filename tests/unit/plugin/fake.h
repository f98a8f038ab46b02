// A worker without a gateway: a loop, a client and an exchange, driven by the test.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/http/client.h"
#include "core/loop/loop.h"
#include "core/plugin/exchange.h"
#include "core/plugin/registry.h"
#include "core/plugin/services.h"
#include "core/plugin/token_table.h"
#include "core/plugin/worker.h"

namespace sluice::plugin::testing {

inline slc_str S(std::string_view s) { return {s.data(), s.size()}; }
inline std::string text(slc_str s) { return s.ptr ? std::string{s.ptr, s.len} : "(absent)"; }

class FakeWorker {
 public:
  explicit FakeWorker(uint32_t index = 0, uint32_t count = 1)
      : client{loop, http::ClientOptions{}, 1}, worker{std::make_unique<slc_worker>(loop, client, index, count)} {
    register_worker(worker.get());
    enter_worker(*worker);
  }
  ~FakeWorker() {
    if (worker) unregister_worker(worker.get());
    worker.reset();
    client.close();
    loop.stop();
    loop.run();
  }
  // What is ready now; waits for nothing.
  void turn() {
    uv_update_time(loop.uv());
    uv_run(loop.uv(), UV_RUN_NOWAIT);
  }
  // Until the condition holds; the test's own time limit ends what never does.
  void until(const std::function<bool()>& done) {
    // A timer that fires at the start of a turn leaves nothing to wake its poll: this one does.
    uv_timer_t wake;
    uv_timer_init(loop.uv(), &wake);
    uv_timer_start(&wake, [](uv_timer_t*) {}, 5, 5);
    while (!done()) uv_run(loop.uv(), UV_RUN_ONCE);
    bool closed = false;
    wake.data = &closed;
    uv_close(reinterpret_cast<uv_handle_t*>(&wake), [](uv_handle_t* h) { *static_cast<bool*>(h->data) = true; });
    while (!closed) uv_run(loop.uv(), UV_RUN_NOWAIT);
  }

  loop::Loop loop;
  http::Client client;
  std::unique_ptr<slc_worker> worker;
};

struct FakeExchange {
  explicit FakeExchange(FakeWorker& w, int32_t scope = SLC_AT_ENDPOINT)
      : arena{w.loop.blocks()}, params{arena}, x{std::make_unique<slc_exchange>(scope, *w.worker, arena)} {
    x->params = &params;
  }
  Arena arena;
  ArenaVector<router::Param> params;
  std::unique_ptr<slc_exchange> x;
  operator slc_exchange*() { return x.get(); }  // NOLINT
  slc_exchange* operator->() { return x.get(); }
};

inline const Host kTestHost{"test.plugin"};

}  // namespace sluice::plugin::testing
