#include "core/app/gateway_generation.h"

#include <algorithm>
#include <atomic>

#include "core/app/plugin_folders.h"
#include "core/app/rehearsal/rehearsal.h"
#include "core/config/reader.h"
#include "core/log/log.h"
#include "core/pipeline/compile.h"
#include "core/plugin/crash_report.h"

namespace sluice::app {
namespace {

// Every folder that holds plugins; what cannot be loaded is said as a warning, because a missing name is an error of its own.
// Where plugins.lock is required, a file that may not be loaded is somebody's doing: nothing is served half protected then.
// At a reload a file that was fine until now is an error: going on without it would change what is served.
void scan(plugin::Registry& registry, const GatewayOptions& o, const config::Config& c, const Live* before, const plugin::Pins& pins,
          Live& live, config::Report& report) {
  const bool refuse = o.policy == Policy::strict || lock_policy(c).mode == plugin::LockPolicy::Mode::required;
  const auto folders = plugin_folders(o.plugins, &c);
  for (const PluginFolder& f : folders) live.files.push_back(f.path);
  plugin::ScanResult found =
      scan_plugins(registry, folders, &c, o.is_rehearsal ? plugin::Registry::Isolation::rehearse : plugin::Registry::Isolation::run, pins);
  for (auto& r : found.refused) report.error(std::move(r.pointer), std::move(r.message));
  for (const std::string& p : found.problems) {
    bool is_new = before && std::find(before->problems.begin(), before->problems.end(), p) == before->problems.end();
    if (refuse || (is_new && o.policy != Policy::lenient))
      report.error("/plugin", p);
    else
      report.warning("/plugin", p);
  }
  for (std::string& w : found.warnings) report.warning("/plugin", std::move(w));
  live.problems = std::move(found.problems);
}

// The thread that the sink runs on, which is nobody's worker: a crash there is told too, and who holds it at a forced end.
std::atomic<const plugin::HookState*> sink_thread{nullptr};
void on_sink_thread() {
  if (sink_thread.load(std::memory_order_relaxed) == &plugin::hook_state) [[likely]]
    return;
  plugin::crash::protect_this_thread();
  sink_thread.store(&plugin::hook_state, std::memory_order_relaxed);
}

// Where the log sink of a generation is reached from the logging thread.
void write_record(void* to, const log::Record& r) {
  auto& g = *static_cast<const pipeline::Generation*>(to);
  slc_log_record record{};
  record.size = sizeof record;
  record.level = static_cast<int32_t>(r.level);
  record.unix_ns = r.unix_ns;
  record.message = {r.message.data(), r.message.size()};
  on_sink_thread();
  plugin::PlaceScope running{&g.log_sink_object->place(), plugin::HookKind::log_write};
  g.log_sink->write(g.log_sink_object->object(), &record);
}
void flush_records(void* to) {
  auto& g = *static_cast<const pipeline::Generation*>(to);
  plugin::PlaceScope running{&g.log_sink_object->place(), plugin::HookKind::log_flush};
  if (g.log_sink->flush) g.log_sink->flush(g.log_sink_object->object());
}

}  // namespace

std::string_view to_string(Role r) {
  switch (r) {
    case Role::staged: return "staged";
    case Role::current: return "current";
    case Role::trial: return "trial";
    case Role::draining: return "draining";
    case Role::ending: return "ending";
  }
  return "";
}

std::string_view role_of(const Live& l) { return l.stuck && l.role == Role::draining ? "stuck" : to_string(l.role); }

Live::~Live() = default;

namespace {

// What a reload reads beside the configuration and the plugins.
std::vector<std::string> files_named_in(const config::Config& c) {
  std::vector<std::string> files;
  if (const auto& tls = c.tls) {
    for (const auto& k : tls->keys) files.insert(files.end(), {k.public_key, k.private_key});
    files.insert(files.end(), tls->ca_certs.begin(), tls->ca_certs.end());
  }
  if (const auto& tls = c.client_tls) {
    files.insert(files.end(), tls->ca_certs.begin(), tls->ca_certs.end());
    for (const auto& [certificate, key] : tls->client_certs) files.insert(files.end(), {certificate, key});
  }
  files.push_back(c.plugin_public_key);
  std::erase(files, "");
  return files;
}

}  // namespace

std::unique_ptr<Live> build_generation(const GatewayOptions& o, uint32_t workers, const Live* before, const plugin::Pins& pins,
                                       config::Report& report) {
  config::ReadOptions read;
  read.environment = config::process_environment();
  read.port = o.port;
  read.debug_endpoint = o.debug_endpoint;
  config::ReadResult result = config::read_file(o.config_file, read);
  report = std::move(result.report);
  if (!result.partial || !result.partial->tree) return nullptr;
  auto live = std::make_unique<Live>();
  live->files = std::move(result.files);
  for (std::string& f : files_named_in(*result.partial)) live->files.push_back(std::move(f));
  const uint64_t limit_ms = result.partial->plugin_rehearsal_ms.value_or(rehearsal::kLimitMs);
  if (rehearsal::Page* page = rehearsal::page()) page->limit_ms = limit_ms;
  rehearsal::Rehearsal rehearsal{o, workers, pins, limit_ms, before != nullptr};
  auto registry = std::make_unique<plugin::Registry>();
  scan(*registry, o, *result.partial, before, pins, *live, report);
  // Also when something is wrong already: all problems are told in one go.
  pipeline::CompileOptions options{workers, o.policy == Policy::strict, o.policy == Policy::lenient, before ? before->generation.get() : nullptr};
  if (!rehearsal.failure()) live->generation = pipeline::compile(result.partial, std::move(registry), options, report);
  if (const auto& failure = rehearsal.failure()) {
    live->generation = nullptr;
    report = config::Report{};  // the rest is about plugins that were not asked
    report.error(failure->pointer, failure->text);
  }
  report.locate(result.source);
  return live->generation ? std::move(live) : nullptr;
}

std::optional<plugin::RunningCall> running_in_sink() {
  const plugin::HookState* state = sink_thread.load();
  return state ? plugin::watchdog::running_on(*state) : std::nullopt;
}

void apply_log(const pipeline::Generation& g) {
  if (g.log_sink) {
    log::Sink sink;
    sink.context = const_cast<pipeline::Generation*>(&g);  // only read
    sink.write = write_record;
    sink.flush = flush_records;
    int32_t level = SLC_DEBUG;
    if (g.log_sink->level) {
      plugin::PlaceScope running{&g.log_sink_object->place(), plugin::HookKind::log_level};
      level = g.log_sink->level(g.log_sink_object->object());
    }
    log::configure(static_cast<log::Level>(std::clamp<int32_t>(level, 1, 6)), sink);
  } else {
    log::restore();
  }
  log::set_access(!g.config->router.disable_access_log);
}

}  // namespace sluice::app
