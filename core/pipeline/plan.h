// A configuration compiled for serving: flat arrays, no lookup by name, no branch for what is not configured. Immutable after
// compile.cc made it; shared by the workers.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/model.h"
#include "core/document/shape.h"
#include "core/http/server.h"
#include "core/pipeline/client_ip.h"
#include "core/pipeline/hosts.h"
#include "core/pipeline/route_table.h"
#include "core/pipeline/shadow.h"
#include "core/pipeline/steps.h"
#include "core/plugin/decoder_format.h"
#include "core/plugin/registry.h"
#include "core/plugin/remote.h"
#include "core/plugin/shared.h"
#include "core/router/router.h"

namespace sluice::pipeline {

// One middleware or around stage of a chain. Exactly one of the tables is set.
struct Hook {
  std::shared_ptr<plugin::Object> object;
  const slc_middleware* middleware = nullptr;
  const slc_around* around = nullptr;
  int32_t stage = 0;
  uint32_t rank = UINT32_MAX;  // in plugin.order; UINT32_MAX: not there
  // Hooks of one group (0: none) stand side by side and see answers in the order of `position`.
  uint32_t group = 0, position = 0;
};

// The hooks of one scope at one place, outermost first.
struct Chain {
  std::vector<Hook> hooks;
  uint32_t id = 0;       // within the generation, of those that have hooks
  bool has_raw = false;  // somebody has on_raw_response
  bool has_chunks[2] = {false, false};  // by side: somebody has on_request_chunk, on_response_chunk
  // Something of the scope stands between the hooks before this one and the others (Scope::border); UINT32_MAX: nothing does.
  uint32_t border = UINT32_MAX;
  // The order in which an answer passes the hooks: the last one first, but for groups.
  std::vector<uint32_t> way_out;
  // Puts the hooks in their order: by stage, those of one stage as they were added; then those with a rank change places with
  // each other so that the lowest rank is outermost. And the way out after it.
  void arrange();
  bool empty() const { return hooks.empty(); }
  uint32_t size() const { return static_cast<uint32_t>(hooks.size()); }
};

// `remote`, here and at the balancer of a backend: the plugin runs in another process, and is asked in place of its table.
struct Decoder {
  std::shared_ptr<plugin::Object> object;
  const slc_decoder* table = nullptr;
  plugin::AskRemote remote = nullptr;
  plugin::DecoderFormat format;
  bool raw() const { return !table->decode; }
};

struct Encoder {
  std::shared_ptr<plugin::Object> object;
  const slc_encoder* table = nullptr;
  plugin::AskRemote remote = nullptr;
  std::string content_type;
  bool raw() const { return !table->encode; }
};

struct EndpointPlan;
struct Aggregation;

struct BackendPlan {
  const config::Backend* config = nullptr;
  const EndpointPlan* endpoint = nullptr;
  uint32_t index = 0;              // within the endpoint
  uint32_t id = 0;                 // within the generation: WorkerPlan::hosts
  Chain chain;
  const Decoder* decoder = nullptr;
  bool raw = false;                // the endpoint passes bytes on
  bool is_static_target = false;   // no placeholder: `target` is the request target, encoded
  std::string target;
  std::shared_ptr<plugin::Object> transport_object;
  const slc_transport* transport = nullptr;
  // A request's body can be passed on as it comes.
  bool takes_pieces() const { return !transport || SLC_HAS(transport, slc_transport, on_request_chunk); }
  std::shared_ptr<plugin::Object> balancer_object;
  const slc_balancer* balancer = nullptr;
  plugin::AskRemote balancer_remote = nullptr;
  http::Http2Mode http2 = http::Http2Mode::never;
  std::unique_ptr<slc_host_list> hosts;
  std::shared_ptr<plugin::Object> resolver_object;
  const slc_resolver* resolver = nullptr;
  void* watch = nullptr;
  document::Shape shape;
  bool ask_gzip = true;
  bool close_connections = false;  // disable_keep_alives
  bool keep_body = false;          // later steps of a sequence want the bytes that nobody decodes
  bool keep_headers = false;       // some headers of a decoded answer are for the client
  bool idempotent = true;          // of the configured method (RFC 9110 §9.2.2)
  std::string where;               // "[BACKEND: /pattern]"
};

struct EndpointPlan {
  const config::Endpoint* config = nullptr;
  Chain endpoint_chain, proxy_chain;
  std::vector<std::unique_ptr<BackendPlan>> backends;  // those that answer
  std::unique_ptr<EndpointPlan> shadow;  // the others: a group with a chain, time-outs and backends of its own
  bool sequential = false;
  // A value of step `step` that later steps have as a parameter; without a path: the bytes of its answer.
  struct Propagated {
    uint32_t step = 0;
    std::string path, name;
  };
  std::vector<Propagated> propagated;
  std::shared_ptr<const document::Flatmap> flatmap;  // of the merged answer
  const Encoder* encoder = nullptr;
  bool raw = false;
  uint64_t timeout_ms = 2000;      // T
  uint64_t merge_timeout_ms = 0;   // 0.85 T
  uint64_t concurrent_timeout_ms = 0;
  bool timeout_is_over = false;    // negative, or nanoseconds: every request fails at once (config.md §1.1)
  std::string cache_control;       // "public, max-age=N", empty: none
  bool has_static_data = false;
  document::Node static_data;      // object, fully expanded, in the generation's arena
  std::vector<std::string> headers;  // names let through, canonical; the fixed ones left out
  std::string where;               // "[ENDPOINT: /path]"
  std::shared_ptr<const Aggregation> aggregation;  // the block `sluice`; nullptr: the reference's rules
  bool problem_json = false;       // failures have a body that tells of them (RFC 9457)
  // One call and nothing around it.
  bool simple() const {
    return proxy_chain.empty() && backends.size() == 1 && config->concurrent_calls <= 1 && !has_static_data && !shadow && !aggregation;
  }
};

struct Route {
  Builtin builtin = Builtin::none;
  const EndpointPlan* endpoint = nullptr;
  std::string allow;  // auto_options
};

// Service hooks below this stage wrap the whole server; those from here on belong to the router and do not see its
// redirects nor the health endpoint (00-order.md §3, §4).
constexpr int32_t kEngineStage = 300;

// Proxy hooks below this stage are outside of static data, which sees what those from here on did (00-order.md §6).
constexpr int32_t kStaticStage = 350;

// Everything of one configuration.
class Generation {
 public:
  Generation();
  ~Generation();  // after worker_stop everywhere
  Generation(const Generation&) = delete;

  plugin::shared::Holder shared;  // first: counters of limits and breakers outlive whatever may use them
  std::shared_ptr<const config::Config> config;
  std::unique_ptr<plugin::Registry> registry;
  std::unique_ptr<plugin::ObjectFactory> factory;
  std::vector<std::shared_ptr<plugin::Object>> objects;  // all of them, for start and stop
  std::vector<std::unique_ptr<Decoder>> decoders;
  std::vector<std::unique_ptr<Encoder>> encoders;
  std::vector<std::unique_ptr<EndpointPlan>> endpoints;
  std::vector<BackendPlan*> backends;                    // by BackendPlan::id
  std::vector<Route> routes;
  uint32_t chains = 0;                                   // Chain::id stays below
  router::Router router;
  Chain server_chain, engine_chain;  // service level, divided at kEngineStage
  ClientIpRule client_ip;
  std::shared_ptr<plugin::Object> log_sink_object;
  const slc_log_sink* log_sink = nullptr;
  std::shared_ptr<http::TlsClientContext> client_tls;
  std::string client_tls_key;   // what the context was made of: a reload that finds the same keeps it, and the connections
  std::shared_ptr<http::TlsServerContext> server_tls;  // null: plain
  std::string server_tls_key;   // as client_tls_key
  uint64_t hook_timeout_ms = 2000;  // of service middleware: the longest endpoint time-out
  std::string version_header;   // "Version 0.1.0" or "Version undefined"
  std::string body_404, body_405, type_404, type_405;
  BlockPool tree_blocks;
  Arena trees{tree_blocks};     // documents made from the configuration
  std::vector<std::unique_ptr<std::vector<slc_str>>> query_texts;  // host views that resolvers keep
};

// Told the end of every exchange of a plan that somebody compares with another (a trial). [worker]
class Outcomes {
 public:
  virtual void count(bool failed) noexcept = 0;

 protected:
  ~Outcomes() = default;
};

// What one worker adds to a generation; its thread only. A request begins on the worker's present plan and ends on it: the plan
// must stay until quiet(), which includes responses that still wait for a slow client.
class WorkerPlan final : public http::ResponseKeeper {
 public:
  WorkerPlan(std::shared_ptr<Generation>, slc_worker&);
  // Calls worker_start everywhere; Problem: somebody refused, the others are stopped again.
  Result<bool, Problem> start();
  void stop();
  Generation& generation() const { return *generation_; }
  slc_worker& worker() const { return worker_; }
  // The current hosts of a backend; a call keeps them until put().
  WorkerHosts* get(const BackendPlan&);
  void put(WorkerHosts*);
  // Of a chain that is not empty. Allocates at the first request that comes here.
  const Steps& steps(const Chain& chain) {
    const auto& known = steps_[chain.id];
    return known ? *known : make_steps(chain);
  }

  // A request of `stream` begins here.
  void keep(http::Stream& stream) {
    ++responses_;
    stream.set_keeper(this);
  }
  void on_response_over() noexcept override {
    if (--responses_ == 0 && quiet_) [[unlikely]]
      quiet_(quiet_context_);
  }
  // No request, no answer on its way, no shadow: nobody looks into the generation any more.
  bool quiet() const { return responses_ == 0 && running == 0 && shadows.empty(); }
  uint32_t in_flight() const { return responses_ > running ? responses_ : running; }
  // From now on no request begins here; `when` is called whenever the plan may have become quiet.
  void replace(void (*when)(void* context) noexcept, void* context) { quiet_ = when, quiet_context_ = context; }

  uint32_t running = 0;  // exchanges, shadows too
  Shadows shadows;
  Outcomes* outcomes = nullptr;  // nullptr: nobody compares

 private:
  struct Slot {
    uint64_t version = 0;
    WorkerHosts* hosts = nullptr;
  };
  std::shared_ptr<Generation> generation_;
  slc_worker& worker_;
  std::vector<Slot> slots_;
  const Steps& make_steps(const Chain&);
  std::vector<std::unique_ptr<const Steps>> steps_;  // by Chain::id
  uint32_t responses_ = 0;
  void (*quiet_)(void*) noexcept = nullptr;
  void* quiet_context_ = nullptr;
};

}  // namespace sluice::pipeline
