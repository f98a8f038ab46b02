#include "core/app/gateway_worker.h"

#include <algorithm>

namespace sluice::app {
namespace {

uint64_t ms(config::Duration d) {
  return d.count() <= 0 ? 0 : static_cast<uint64_t>((d.count() + 999'999) / 1'000'000);
}

http::ServerOptions server_options(const config::Config& c) {
  http::ServerOptions o;
  o.read_timeout_ms = ms(c.read_timeout);
  o.read_header_timeout_ms = ms(c.read_header_timeout);
  o.write_timeout_ms = ms(c.write_timeout);
  o.idle_timeout_ms = ms(c.idle_timeout);
  o.max_header_bytes = c.max_header_bytes;
  return o;
}

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

}  // namespace

GatewayWorker::GatewayWorker(std::shared_ptr<pipeline::Generation> g, uint32_t index, uint32_t count)
    : client_{loop_, client_options(*g->config), count},
      worker_{loop_, client_, index, count},
      server_{loop_, *this, server_options(*g->config)},
      plan_{std::make_unique<pipeline::WorkerPlan>(g, worker_)} {
  loop_.index = static_cast<int>(index);
  limit_.on_expire([](loop::Deadline& d) noexcept { d.owner<GatewayWorker>().end(); }, this);
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

Result<bool, Problem> GatewayWorker::run() {
  std::promise<Result<bool, Problem>> ready;
  auto result = ready.get_future();
  thread_ = std::thread{[this, &ready] {
    auto started = plan_->start();
    bool ok = started.ok();
    ready.set_value(std::move(started));
    if (!ok) {
      server_.close();
      client_.close();
      loop_.stop();
      loop_.run();
      ended_ = true;
      return;
    }
    loop_.run();
  }};
  auto started = result.get();
  if (!started) join();
  return started;
}

void GatewayWorker::on_request(http::Stream& stream) noexcept { pipeline::Exchange::begin(*plan_, stream); }

void GatewayWorker::drain(uint64_t limit_ms) {
  loop_.post([this, limit_ms] {
    if (ended_) return;
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
  server_.close();
  plan_->shadows.end();
  client_.close();
  plan_->stop();
  loop_.stop();
}

void GatewayWorker::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace sluice::app
