#include "core/app/gateway.h"

#include <sched.h>

#include <sstream>
#include <vector>

#include "core/app/gateway_dump.h"
#include "core/app/gateway_worker.h"
#include "core/app/plugin_folders.h"
#include "core/config/reader.h"
#include "core/log/log.h"
#include "core/pipeline/compile.h"
#include "core/plugin/watchdog.h"

namespace sluice::app {
namespace {

constexpr uint64_t kDrainLimitMs = 30'000;

uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    if (int n = CPU_COUNT(&set); n > 0) return static_cast<uint32_t>(n);
  return 1;
}

// Every folder that holds plugins; what cannot be loaded is said as a warning, because a missing name is an error of its own.
// Where plugins.lock is required, a file that may not be loaded is somebody's doing: nothing is served half protected then.
void scan(plugin::Registry& registry, const GatewayOptions& o, const config::Config& c, config::Report& report) {
  plugin::ScanResult found;
  plugin::LockPolicy lock = lock_policy(c);
  const bool refuse = o.policy == Policy::strict || lock.mode == plugin::LockPolicy::Mode::required;
  registry.set_lock_policy(std::move(lock));
  for (const PluginFolder& f : plugin_folders(o.plugins, &c)) registry.scan(f.path, f.pattern, found);
  for (std::string& p : found.problems)
    if (refuse)
      report.error("/plugin", std::move(p));
    else
      report.warning("/plugin", std::move(p));
  for (std::string& w : found.warnings) report.warning("/plugin", std::move(w));
}

}  // namespace

struct Gateway::Impl {
  GatewayOptions options;
  std::shared_ptr<pipeline::Generation> generation;
  std::vector<std::unique_ptr<GatewayWorker>> workers;
  uint32_t count = 1;
  bool sink = false;
  // Where the log sink of the generation is reached from the logging thread.
  struct SinkContext {
    const slc_log_sink* table = nullptr;
    void* object = nullptr;
  } sink_context;
  plugin::Watchdog watchdog;
};

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

Gateway::~Gateway() {
  wait();
  if (impl_->sink) log::configure(log::Level::debug, {});  // the plugin's sink goes with the generation
  impl_->workers.clear();
}

std::unique_ptr<Gateway> Gateway::build(const GatewayOptions& o, config::Report& report) {
  config::ReadOptions read;
  read.environment = config::process_environment();
  read.port = o.port;
  read.debug_endpoint = o.debug_endpoint;
  config::ReadResult result = config::read_file(o.config_file, read);
  report = std::move(result.report);
  if (!result.partial || !result.partial->tree) return nullptr;
  auto impl = std::make_unique<Impl>();
  impl->options = o;
  impl->count = o.workers ? o.workers : usable_cores();
  auto registry = std::make_unique<plugin::Registry>();
  scan(*registry, o, *result.partial, report);
  // Also when something is wrong already: all problems are told in one go.
  impl->generation = pipeline::compile(result.partial, std::move(registry),
                                       {impl->count, o.policy == Policy::strict, o.policy == Policy::lenient}, report);
  report.locate(result.source);
  if (!impl->generation) return nullptr;
  return std::unique_ptr<Gateway>{new Gateway{std::move(impl)}};
}

Result<uint16_t, Problem> Gateway::start() {
  pipeline::Generation& g = *impl_->generation;
  const config::Config& c = *g.config;
  if (g.log_sink) {
    log::Sink sink;
    using Context = Impl::SinkContext;
    impl_->sink_context = {g.log_sink, g.log_sink_object->object()};
    sink.context = &impl_->sink_context;
    sink.write = [](void* to, const log::Record& r) {
      auto& s = *static_cast<Context*>(to);
      slc_log_record record{};
      record.size = sizeof record;
      record.level = static_cast<int32_t>(r.level);
      record.unix_ns = r.unix_ns;
      record.message = {r.message.data(), r.message.size()};
      s.table->write(s.object, &record);
    };
    sink.flush = [](void* to) {
      auto& s = *static_cast<Context*>(to);
      if (s.table->flush) s.table->flush(s.object);
    };
    int32_t level = g.log_sink->level ? g.log_sink->level(g.log_sink_object->object()) : SLC_DEBUG;
    log::configure(static_cast<log::Level>(std::min<int32_t>(std::max<int32_t>(level, 1), 6)), sink);
    impl_->sink = true;
  }
  impl_->watchdog.start();
  log::set_access(!c.router.disable_access_log);
  if (auto free = http::Server::probe(c.listen_ip, c.port); !free) return free.error();
  uint16_t port = 0;
  for (uint32_t i = 0; i < impl_->count; ++i) {
    impl_->workers.push_back(std::make_unique<GatewayWorker>(impl_->generation, i, impl_->count));
    auto listening = impl_->workers.back()->listen(c.listen_ip, port ? port : c.port);
    if (!listening) {
      impl_->workers.clear();
      return listening.error();
    }
    port = *listening;
  }
  for (auto& w : impl_->workers) {
    auto running = w->run();
    if (running) continue;
    stop();
    wait();
    impl_->workers.clear();
    return running.error();
  }
  return port;
}

void Gateway::drain() {
  for (auto& w : impl_->workers) w->drain(drain_limit_ms());
}

void Gateway::stop() {
  for (auto& w : impl_->workers) w->stop();
}

void Gateway::wait() {
  for (auto& w : impl_->workers) w->join();
}

uint64_t Gateway::drain_limit_ms() const {
  auto limit = impl_->generation->config->max_shutdown_wait;
  return limit.count() > 0 ? static_cast<uint64_t>(limit.count() / 1'000'000) : kDrainLimitMs;
}

std::string Gateway::summary() const {
  const pipeline::Generation& g = *impl_->generation;
  std::ostringstream out;
  out << g.endpoints.size() << (g.endpoints.size() == 1 ? " endpoint, " : " endpoints, ") << g.backends.size()
      << (g.backends.size() == 1 ? " backend, " : " backends, ") << impl_->count << (impl_->count == 1 ? " worker" : " workers");
  return out.str();
}

std::string Gateway::dump(int detail, const std::string& indent) const { return dump_config(*impl_->generation->config, detail, indent); }

}  // namespace sluice::app
