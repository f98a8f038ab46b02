#include "core/app/gateway_worker.h"

#include <algorithm>
#include <future>

namespace sluice::app {
namespace {

constexpr uint32_t kWhole = 10'000;  // of WorkerRoute::share
constexpr uint64_t kSweepMs = 100;

uint64_t ms(config::Duration d) {
  return d.count() <= 0 ? 0 : static_cast<uint64_t>((d.count() + 999'999) / 1'000'000);
}

http::ServerOptions server_options(const config::Config& c, std::shared_ptr<http::TlsServerContext> tls) {
  http::ServerOptions o;
  o.read_timeout_ms = ms(c.read_timeout);
  o.read_header_timeout_ms = ms(c.read_header_timeout);
  o.write_timeout_ms = ms(c.write_timeout);
  o.idle_timeout_ms = ms(c.idle_timeout);
  o.max_header_bytes = c.max_header_bytes;
  o.tls = std::move(tls);
  o.http2 = c.use_h2c;
  return o;
}

}  // namespace

http::ClientOptions client_options(const config::Config& c) {
  http::ClientOptions o;
  o.keep_alive = !c.disable_keep_alives;
  o.max_idle = c.max_idle_connections;
  o.max_idle_per_origin = c.max_idle_connections_per_host;
  o.idle_timeout_ms = ms(c.idle_connection_timeout);
  o.response_header_timeout_ms = ms(c.response_header_timeout);
  o.dial_timeout_ms = ms(c.dialer_timeout);
  auto signed_ms = [](config::Duration d) { return d.count() < 0 ? int64_t{-1} : static_cast<int64_t>(ms(d)); };
  o.dial_keep_alive_ms = signed_ms(c.dialer_keep_alive);
  o.fallback_delay_ms = signed_ms(c.dialer_fallback_delay);
  return o;
}

GatewayWorker::GatewayWorker(const pipeline::Generation& g, uint32_t index, uint32_t count, Retired retired)
    : client_{loop_, client_options(*g.config), count},
      worker_{loop_, client_, index, count},
      server_{loop_, *this, server_options(*g.config, g.server_tls)},
      retired_{std::move(retired)} {
  loop_.index = static_cast<int>(index);
  limit_.on_expire([](loop::Deadline& d) noexcept { d.owner<GatewayWorker>().end(); }, this);
  sweep_.on_expire([](loop::Deadline& d) noexcept { d.owner<GatewayWorker>().sweep(); }, this);
  plugin::register_worker(&worker_);
}

GatewayWorker::~GatewayWorker() {
  if (!ended_) {  // never ran: the handles are closed by a loop that runs only for that
    server_.close();
    client_.close();
    loop_.stop();
    loop_.run();
  }
  plugin::unregister_worker(&worker_);
}

Result<uint16_t, Problem> GatewayWorker::listen(const std::string& ip, uint16_t port) { return server_.listen(ip, port, true); }

Result<bool, Problem> GatewayWorker::run(pipeline::Generation& first, uint64_t number, std::function<void()> ended) {
  std::promise<Result<bool, Problem>> ready;
  auto result = ready.get_future();
  thread_ = std::thread{[this, &ready, &first, number, ended = std::move(ended)] {
    auto started = stage(first, number);
    bool ok = started.ok();
    if (ok) plan_ = parts_.back().plan.get();
    ready.set_value(std::move(started));
    if (ok) {
      loop_.run();
    } else {
      server_.close();
      client_.close();
      loop_.stop();
      loop_.run();
      ended_ = true;
    }
    ended();
  }};
  auto started = result.get();
  if (!started) join();
  return started;
}

void GatewayWorker::on_request(http::Stream& stream) noexcept {
  pipeline::WorkerPlan* plan = plan_;
  ++requests_;
  if (trial_) [[unlikely]] {
    // Spread evenly, and the same every time: with a share of 5 %, each twentieth.
    credit_ += share_;
    if (credit_ >= kWhole) credit_ -= kWhole, plan = trial_;
  }
  plan->keep(stream);
  pipeline::Exchange::begin(*plan, stream);
}

void GatewayWorker::post(std::function<void()> fn) {
  loop_.post([this, fn = std::move(fn)] {
    if (!ended_) fn();
  });
}

GatewayWorker::Part* GatewayWorker::find(uint64_t number) {
  auto it = std::find_if(parts_.begin(), parts_.end(), [&](const Part& p) { return p.number == number; });
  return it == parts_.end() ? nullptr : &*it;
}

Result<bool, Problem> GatewayWorker::stage(pipeline::Generation& g, uint64_t number) {
  // The main thread is the only owner: it must also be the one that destroys.
  std::shared_ptr<pipeline::Generation> view{std::shared_ptr<void>{}, &g};
  auto plan = std::make_unique<pipeline::WorkerPlan>(std::move(view), worker_);
  auto started = plan->start();
  if (started) {
    parts_.push_back({number, std::move(plan), false});
  } else {
    plan.reset();
    retired_(number);
  }
  return started;
}

void GatewayWorker::route(const WorkerRoute& to, const config::Config& c, std::shared_ptr<http::TlsServerContext> tls) {
  Part *current = find(to.current), *trial = to.trial ? find(to.trial) : nullptr;
  if (!current) return;
  server_.set_options(server_options(c, std::move(tls)));
  client_.set_options(client_options(c), worker_.count);
  server_.switch_listener();
  plan_ = current->plan.get();
  plan_->outcomes = to.of_current;
  trial_ = trial ? trial->plan.get() : nullptr;
  if (trial_) trial_->outcomes = to.of_trial;
  if (share_ != to.share) credit_ = 0;
  share_ = to.share;
  for (Part& p : parts_)
    if (&p != current && &p != trial) retire(p);
}

void GatewayWorker::retire(uint64_t number) {
  if (Part* p = find(number)) retire(*p);
}

void GatewayWorker::retire(Part& p) {
  if (std::exchange(p.retiring, true)) return;
  p.plan->outcomes = nullptr;
  auto look = [](void* self) noexcept {
    auto& w = *static_cast<GatewayWorker*>(self);
    w.loop_.deadlines().arm(w.sweep_, 0);
  };
  p.plan->replace(look, this);
  look(this);
}

void GatewayWorker::sweep() {
  if (ended_) return;
  std::vector<uint64_t> over;
  bool waiting = false;
  std::erase_if(parts_, [&](Part& p) {
    if (!p.retiring) return false;
    waiting = waiting || !p.plan->quiet();
    if (!p.plan->quiet()) return false;
    p.plan->stop();
    p.plan.reset();
    over.push_back(p.number);
    return true;
  });
  // The end of a response is told; the end of a shadow call is looked for.
  if (waiting) loop_.deadlines().arm(sweep_, kSweepMs);
  for (uint64_t number : over) retired_(number);
}

WorkerCounts GatewayWorker::counts() const {
  WorkerCounts c;
  c.connections = server_.connections();
  c.requests = requests_;
  for (const Part& p : parts_) c.in_flight.emplace_back(p.number, p.plan->in_flight());
  c.client = client_.stats();
  return c;
}

void GatewayWorker::drain(uint64_t limit_ms) {
  post([this, limit_ms] {
    loop_.deadlines().arm(limit_, limit_ms);
    server_.drain([this] { end(); });
  });
}

void GatewayWorker::stop() {
  loop_.post([this] { end(); });
}

void GatewayWorker::end() {
  if (ended_) return;
  ended_ = true;
  limit_.disarm();
  sweep_.disarm();
  server_.close();
  for (Part& p : parts_) p.plan->shadows.end();
  client_.close();
  // The plans themselves stay until the loop has ended: what was released in this turn is still counted down there.
  for (Part& p : parts_) p.plan->stop();
  loop_.stop();
}

void GatewayWorker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace sluice::app
