#include "core/pipeline/compile.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <map>

#include "core/base/text.h"
#include "core/pipeline/compile_aggregation.h"
#include "core/pipeline/compile_bindings.h"
#include "core/pipeline/compile_proxy.h"
#include "core/pipeline/compile_tls.h"
#include "core/pipeline/url.h"
#include "core/plugin/exchange.h"
#include "core/plugin/handover.h"
#include "core/plugin/load_watch.h"
#include "core/plugin/module.h"

namespace sluice::pipeline {
namespace {

using config::join;
using Found = Bindings::Found;

uint64_t to_ms(config::Duration d) {
  auto ns = d.count();
  return ns <= 0 ? 0 : static_cast<uint64_t>((ns + 999'999) / 1'000'000);
}

class Compiler {
 public:
  Compiler(std::shared_ptr<const config::Config> c, std::unique_ptr<plugin::Registry> r, const CompileOptions& o, config::Report& report)
      : g_{std::make_shared<Generation>()}, options_{o}, report_{report} {
    const auto& told = report.issues();
    hosts_refused_ = std::any_of(told.begin(), told.end(), [](const config::Issue& i) { return i.pointer.find("/host") != std::string::npos; });
    g_->config = std::move(c);
    g_->registry = std::move(r);
    if (o.before)
      for (const auto& object : o.before->objects) places_.add(*object);
    g_->factory = std::make_unique<plugin::ObjectFactory>(*g_->registry, o.workers, report, o.before ? &places_ : nullptr);
  }

  std::shared_ptr<Generation> run() {
    plugin::shared::Holding holding{g_->shared};
    const config::Config& c = *g_->config;
    partial_ = report_.failed();
    g_->client_ip = ClientIpRule{c.router};
    g_->version_header = c.router.hide_version_header ? "Version undefined" : "Version " SLC_VERSION;
    error_bodies();
    compile_tls(*g_, options_, report_);
    names_.check_order();
    service();
    for (const config::Endpoint& e : c.endpoints) endpoint(e);
    routes();
    g_->registry->made();
    if (report_.failed()) return nullptr;
    return g_;
  }

 private:
  void error_bodies() {
    const config::RouterOptions& o = g_->config->router;
    static constexpr const char* kJson = "application/json; charset=utf-8";
    g_->body_404 = o.error_body_404.value_or("404 page not found");
    g_->type_404 = o.error_body_404 ? kJson : "text/plain";
    g_->body_405 = o.error_body_405.value_or("405 method not allowed");
    g_->type_405 = o.error_body_405 ? kJson : "text/plain";
  }

  plugin::Context context(int32_t scope, std::string where, const config::Endpoint* e = nullptr, const config::Backend* b = nullptr) {
    plugin::Context c;
    c.scope = scope;
    if (e) c.place = "[ENDPOINT: " + (e->method == "GET" ? std::string{} : e->method + " ") + e->path + e->condition_text() + "]";
    if (b) c.place += " " + where;
    c.where = std::move(where);
    c.root = &g_->config->at;
    c.endpoint = e ? &e->at : nullptr;
    if (e) c.endpoint_label = e->label();
    c.backend = b ? &b->at : nullptr;
    return c;
  }

  std::shared_ptr<plugin::Object> make(const plugin::Binding& binding, const config::Block* block, const plugin::Context& c) {
    auto object = g_->factory->make(binding, block, c);
    if (object) g_->objects.push_back(object);
    return object;
  }

  // Two of a kind of which there can be one: neither is better than the other.
  void second(const Found& f, const plugin::Object& first, const std::string& rule) {
    report_.error(f.block->pointer, rule + "; \"" + first.binding().name + "\" is configured beside \"" + f.binding->name + "\"");
  }

  bool add_hook(Chain& chain, const Found& f, std::shared_ptr<plugin::Object> object) {
    const plugin::Binding& binding = *f.binding;
    Hook h;
    h.stage = f.stage;
    h.group = f.group, h.position = f.position;
    const auto& order = g_->config->plugin_order;
    if (auto at = std::find(order.begin(), order.end(), binding.name); at != order.end() && !f.chosen)
      h.rank = static_cast<uint32_t>(at - order.begin());
    if (binding.interface_id == SLC_IFACE_MIDDLEWARE)
      h.middleware = plugin::table<slc_middleware>(binding);
    else if (binding.interface_id == SLC_IFACE_AROUND)
      h.around = plugin::table<slc_around>(binding);
    else
      return false;
    h.object = std::move(object);
    chain.has_chunks[SLC_REQUEST] = chain.has_chunks[SLC_REQUEST] || (h.middleware && SLC_HAS(h.middleware, slc_middleware, on_request_chunk));
    chain.has_chunks[SLC_RESPONSE] = chain.has_chunks[SLC_RESPONSE] || (h.middleware && SLC_HAS(h.middleware, slc_middleware, on_response_chunk));
    chain.has_raw = chain.has_raw || (h.middleware && h.middleware->on_raw_response);
    chain.hooks.push_back(std::move(h));
    return true;
  }

  void sort(Chain& chain) {
    if (!chain.empty()) chain.id = g_->chains++;
    chain.arrange();
  }

  // ---- places ----

  void service() {
    for (const Found& f : names_.find(g_->config->at, SLC_AT_SERVICE, context(SLC_AT_SERVICE, "[SERVICE]"))) {
      auto object = make(*f.binding, f.block, context(SLC_AT_SERVICE, "[SERVICE: " + f.binding->name + "]"));
      if (!object) continue;
      if (f.binding->interface_id == SLC_IFACE_LOG_SINK) {
        if (g_->log_sink) second(f, *g_->log_sink_object, "a gateway has one log sink");
        g_->log_sink_object = object;
        g_->log_sink = plugin::table<slc_log_sink>(*f.binding);
      } else if (f.binding->interface_id == SLC_IFACE_BALANCER) {
        if (service_balancer_) second(f, *service_balancer_, "all backends have one balancer");
        service_balancer_ = object;
        service_balancer_table_ = plugin::table<slc_balancer>(*f.binding);
      } else if (f.binding->interface_id == SLC_IFACE_AROUND) {
        report_.error(f.block->pointer, "\"" + f.binding->name + "\" wraps calls: it belongs to an endpoint or a backend");
      } else {
        add_hook(f.stage < kEngineStage ? g_->server_chain : g_->engine_chain, f, std::move(object));
      }
    }
    sort(g_->server_chain);
    sort(g_->engine_chain);
  }

  const Decoder* decoder(const std::string& name, const std::string& pointer) {
    const plugin::Binding* b =
        name.empty() ? g_->registry->find_default(SLC_IFACE_DECODER) : g_->registry->find(SLC_IFACE_DECODER, name);
    if (!b) {
      names_.unknown_name(pointer, "encoding", name, SLC_IFACE_DECODER);
      return nullptr;
    }
    for (auto& d : g_->decoders)
      if (&d->object->binding() == b) return d.get();
    auto object = make(*b, nullptr, context(0, "[ENCODING: " + b->name + "]"));
    if (!object) return nullptr;
    auto d = std::make_unique<Decoder>();
    d->table = plugin::table<slc_decoder>(*b);
    d->remote = b->remote;
    d->object = std::move(object);
    d->format.serve(*d->table, *d->object);
    g_->decoders.push_back(std::move(d));
    return g_->decoders.back().get();
  }

  const Encoder* encoder(const std::string& name, const std::string& pointer) {
    const plugin::Binding* b =
        name.empty() ? g_->registry->find_default(SLC_IFACE_ENCODER) : g_->registry->find(SLC_IFACE_ENCODER, name);
    if (!b) {
      names_.unknown_name(pointer, "output_encoding", name, SLC_IFACE_ENCODER);
      return nullptr;
    }
    for (auto& e : g_->encoders)
      if (&e->object->binding() == b) return e.get();
    auto object = make(*b, nullptr, context(0, "[ENCODING: " + b->name + "]"));
    if (!object) return nullptr;
    auto e = std::make_unique<Encoder>();
    e->table = plugin::table<slc_encoder>(*b);
    e->remote = b->remote;
    e->content_type = plugin::view(e->table->content_type);
    e->object = std::move(object);
    g_->encoders.push_back(std::move(e));
    return g_->encoders.back().get();
  }

  void endpoint(const config::Endpoint& c) {
    auto plan = std::make_unique<EndpointPlan>();
    EndpointPlan& p = *plan;
    p.config = &c;
    if (c.static_data) {
      p.has_static_data = true;
      p.static_data = plugin::to_document(g_->trees, *c.static_data, plugin::Written::reference);
    }
    p.where = "[ENDPOINT: " + c.shown + "]";
    p.encoder = encoder(c.output_encoding, c.at.pointer);
    if (p.encoder && c.backends.size() == 1 && (p.encoder->object->binding().spec->flags & SLC_BIND_GIVES_WAY))
      if (const std::string& own = c.backends[0].encoding; g_->registry->find(SLC_IFACE_ENCODER, own)) p.encoder = encoder(own, c.at.pointer);
    p.raw = p.encoder && p.encoder->raw();
    if (p.raw) names_.exact(p.encoder->object->binding(), c.output_encoding, join(c.at.pointer, "output_encoding"));
    if (p.raw && c.backends.size() > 1)
      report_.error(join(c.at.pointer, "output_encoding"), "\"" + c.output_encoding + "\" hands on the answer of a single backend, but " +
                                                               c.method + " " + c.shown + " has " + std::to_string(c.backends.size()));
    // A number without a unit counts nanoseconds: 2000 of them are over before any backend can answer.
    p.timeout_is_over = c.timeout < std::chrono::microseconds{100};
    p.timeout_ms = std::max<uint64_t>(to_ms(c.timeout), 1);
    g_->hook_timeout_ms = std::max(g_->hook_timeout_ms, p.timeout_ms);
    p.merge_timeout_ms = std::max<uint64_t>(to_ms(c.timeout / 100 * 85), 1);
    p.concurrent_timeout_ms = std::max<uint64_t>(to_ms(c.timeout / 100 * 75), 1);
    if (c.cache_ttl.count() != 0)
      p.cache_control = "public, max-age=" + std::to_string(c.cache_ttl.count() / 1'000'000'000);
    p.headers = c.input_headers;
    if (p.headers.empty() && !c.any_header) p.headers = {"Content-Type"};
    for (const Found& f : names_.find(c.at, SLC_AT_ENDPOINT | SLC_AT_PROXY, context(SLC_AT_ENDPOINT, p.where, &c))) {
      bool at_endpoint = f.scopes & SLC_AT_ENDPOINT;
      auto object = make(*f.binding, f.block, context(at_endpoint ? SLC_AT_ENDPOINT : SLC_AT_PROXY, p.where, &c));
      if (!object) continue;
      if (at_endpoint && f.binding->interface_id == SLC_IFACE_AROUND)
        report_.error(f.block->pointer, "\"" + f.binding->name + "\" wraps calls: its scope must be proxy or backend");
      else
        add_hook(at_endpoint ? p.endpoint_chain : p.proxy_chain, f, std::move(object));
    }
    sort(p.endpoint_chain);
    sort(p.proxy_chain);
    if (p.has_static_data) {  // places keep their side: plugin.order changes who has them
      const auto outside = [](const Hook& h) { return h.stage < kStaticStage; };
      p.proxy_chain.border = static_cast<uint32_t>(std::count_if(p.proxy_chain.hooks.begin(), p.proxy_chain.hooks.end(), outside));
    }
    for (const config::Backend& b : c.backends) backend(b.shadow ? shadow_of(p, b) : p, b);
    compile_sequence(p, report_);
    if (config::Report same; p.shadow) compile_sequence(*p.shadow, same);
    p.flatmap = compile_flatmap(c.at, report_);
    if (p.flatmap && p.backends.size() < 2) {
      report_.warning(join(join(c.at.pointer, "extra_config"), "proxy"),
                      "flatmap_filter of an endpoint works on merged answers: with one backend it has no effect; write it into the backend");
      p.flatmap = nullptr;
    }
    p.problem_json = c.problem_json;
    compile_aggregation(p, g_->trees, report_);
    warn_of_same_keys(p, report_);
    g_->endpoints.push_back(std::move(plan));
  }

  // The group that an endpoint's shadow backends form, with the endpoint's own settings (pipeline.md §11).
  EndpointPlan& shadow_of(EndpointPlan& e, const config::Backend& c) {
    if (!e.shadow) {
      e.shadow = std::make_unique<EndpointPlan>();
      EndpointPlan& s = *e.shadow;
      s.config = e.config;
      s.where = e.where + " shadow:";
      s.encoder = e.encoder;
      s.raw = e.raw;
      s.timeout_ms = 1;
      s.merge_timeout_ms = e.merge_timeout_ms, s.concurrent_timeout_ms = e.concurrent_timeout_ms;
    }
    e.shadow->timeout_ms = std::max(e.shadow->timeout_ms, to_ms(c.shadow_timeout));
    return *e.shadow;
  }

  void backend(EndpointPlan& e, const config::Backend& c) {
    auto plan = std::make_unique<BackendPlan>();
    BackendPlan& p = *plan;
    p.config = &c;
    p.endpoint = &e;
    p.index = static_cast<uint32_t>(e.backends.size());
    p.id = static_cast<uint32_t>(g_->backends.size());
    p.where = "[BACKEND: " + c.url_pattern + "]";
    p.raw = e.raw;
    // A raw endpoint never decodes: whatever encoding is written there has no say (pipeline.md §8.4).
    p.decoder = decoder(e.raw ? e.encoder->object->binding().name : c.encoding, c.at.pointer);
    if (p.decoder && p.decoder->raw() && !e.raw) names_.exact(p.decoder->object->binding(), c.encoding_written, c.encoding_pointer);
    p.ask_gzip = !g_->config->disable_compression;
    p.close_connections = g_->config->disable_keep_alives;
    p.idempotent = http::is_idempotent(c.method);
    p.shape = document::Shape{{c.target, c.allow, c.deny, c.mapping, c.group, compile_flatmap(c.at, report_)}};
    bool own_balancer = false;
    p.balancer_object = service_balancer_;
    p.balancer = service_balancer_table_;
    for (const Found& f : names_.find(c.at, SLC_AT_BACKEND, context(SLC_AT_BACKEND, p.where, e.config, &c))) {
      auto object = make(*f.binding, f.block, context(SLC_AT_BACKEND, p.where, e.config, &c));
      if (!object) continue;
      if (f.binding->interface_id == SLC_IFACE_TRANSPORT) {
        if (p.transport) second(f, *p.transport_object, "a backend has one transport");
        p.transport = plugin::table<slc_transport>(*f.binding);
        p.transport_object = std::move(object);
      } else if (f.binding->interface_id == SLC_IFACE_BALANCER) {
        if (std::exchange(own_balancer, true)) second(f, *p.balancer_object, "a backend has one balancer");
        p.balancer = plugin::table<slc_balancer>(*f.binding);
        p.balancer_object = std::move(object);
      } else {
        add_hook(p.chain, f, std::move(object));
      }
    }
    sort(p.chain);
    if (!p.balancer) default_balancer(p);
    if (p.balancer) p.balancer_remote = p.balancer_object->binding().remote;
    hosts(p, c);
    static_target(p, c);
    g_->backends.push_back(plan.get());
    e.backends.push_back(std::move(plan));
  }

  void default_balancer(BackendPlan& p) {
    if (!default_balancer_object_) {
      const plugin::Binding* b = g_->registry->find_default(SLC_IFACE_BALANCER);
      if (!b) return;  // the first host of the list is taken
      default_balancer_object_ = make(*b, nullptr, context(0, "[BALANCER]"));
    }
    if (!default_balancer_object_) return;
    p.balancer_object = default_balancer_object_;
    p.balancer = plugin::table<slc_balancer>(default_balancer_object_->binding());
  }

  static http::Http2Mode http2_of(const config::Backend& c) {
    switch (c.http2) {
      case config::Http2::never: break;
      case config::Http2::negotiate: return http::Http2Mode::negotiate;
      case config::Http2::always: return http::Http2Mode::always;
    }
    return http::Http2Mode::never;
  }

  void hosts(BackendPlan& p, const config::Backend& c) {
    p.http2 = http2_of(c);
    p.hosts = std::make_unique<slc_host_list>(g_->client_tls, p.http2);
    if (p.transport) return;
    const plugin::Binding* b = c.sd.empty() ? g_->registry->find_default(SLC_IFACE_RESOLVER) : g_->registry->find(SLC_IFACE_RESOLVER, c.sd);
    if (!b) {
      names_.unknown_name(c.at.pointer, "sd", c.sd, SLC_IFACE_RESOLVER);
      return;
    }
    std::shared_ptr<plugin::Object>& object = resolvers_[b];
    if (!object) object = make(*b, nullptr, context(0, "[SD: " + b->name + "]"));
    p.resolver = plugin::table<slc_resolver>(*b);
    p.resolver_object = object;
    auto* views = new std::vector<slc_str>;
    query_texts_.emplace_back(views);
    for (const std::string& h : c.hosts) views->push_back(plugin::str(h));
    slc_resolver_query q{};
    q.size = sizeof q;
    q.hosts = views->data();
    q.host_count = static_cast<uint32_t>(views->size());
    q.scheme = plugin::str(c.sd_scheme);
    q.refresh_ms = to_ms(g_->config->dns_cache_ttl);
    auto publish = [](slc_host_list* list, const slc_address* a, uint32_t n) noexcept { return list->publish(a, n); };
    plugin::LoadStep step = object ? plugin::step_of(*object, plugin::HookKind::watch) : plugin::LoadStep{};
    const std::string pointer = join(c.at.pointer, "sd");
    step.pointer = pointer;
    const plugin::LoadStepScope told{step};
    if (!told.allowed()) return;
    plugin::PlaceScope place{object ? &object->place() : nullptr, plugin::HookKind::watch};  // what it starts belongs to the object
    if (p.resolver->watch(object ? object->object() : nullptr, &q, p.hosts.get(), publish, &p.watch) != SLC_OK) {
      std::string hosts;
      for (const std::string& h : c.hosts) hosts += (hosts.empty() ? "" : ", ") + h;
      report_.error(pointer, "the service discovery \"" + b->name + "\" cannot use " + (hosts.empty() ? "an empty list of hosts" : "these hosts: " + hosts) +
                                 " (plugin " + b->plugin_id + " " + b->plugin_version + ")");
    }
    if (!p.hosts->published())
      if (const BackendPlan* same = before(c)) p.hosts->take_over(*same->hosts);
    // Not an error (config.md §2): the reference starts, and each request fails.
    if (c.hosts.empty() && !p.hosts->published() && !hosts_refused_)
      report_.warning(c.at.pointer, "no \"host\", neither here nor at the root, and the service discovery \"" + b->name +
                                        "\" knows none: each request fails with \"no hosts available\"");
  }

  // A backend of the generation before with the same hosts: until the new watch publishes, its list is better than none.
  const BackendPlan* before(const config::Backend& c) {
    if (!options_.before) return nullptr;
    if (earlier_.empty())
      for (const BackendPlan* b : options_.before->backends) earlier_.emplace(same_hosts(*b->config), b);
    auto it = earlier_.find(same_hosts(c));
    return it == earlier_.end() ? nullptr : it->second;
  }
  static std::vector<std::string> same_hosts(const config::Backend& c) {
    std::vector<std::string> key = c.hosts;
    key.push_back(c.sd);
    key.push_back(c.sd_scheme);
    return key;
  }

  void static_target(BackendPlan& p, const config::Backend& c) {
    p.is_static_target = std::all_of(c.url.begin(), c.url.end(), [](const config::UrlPart& u) { return u.kind == config::UrlPart::Kind::text; });
    if (!p.is_static_target) return;
    BlockPool pool;
    Arena arena{pool};
    ArenaVector<router::Param> none{arena};
    Target t = build_target(arena, "", c.url, none, nullptr);
    if (t.problem)
      p.is_static_target = false;  // every request fails with the reason, as in the reference
    else
      p.target = std::string{t.text};
  }

  void routes() {
    std::vector<std::pair<std::string, std::string>> problems;
    RouteTable table = make_routes(*g_->config, problems);
    // Clashes of a configuration that has failed already were told by its reader.
    if (!partial_)
      for (auto& [pointer, message] : problems) report_.error(pointer, std::move(message));
    g_->router = std::move(table.router);
    for (RouteTable::Entry& e : table.entries)
      g_->routes.push_back({e.builtin, e.builtin == Builtin::none ? g_->endpoints[e.endpoint].get() : nullptr, std::move(e.allow)});
  }

  std::shared_ptr<Generation> g_;
  CompileOptions options_;
  plugin::Places places_;  // of options_.before
  config::Report& report_;
  bool hosts_refused_ = false;  // by the reader: those that are missing for that reason are not warned of
  bool partial_ = false;  // the reader found errors: this run only looks for more
  std::shared_ptr<plugin::Object> service_balancer_, default_balancer_object_;
  const slc_balancer* service_balancer_table_ = nullptr;
  std::map<const plugin::Binding*, std::shared_ptr<plugin::Object>> resolvers_;
  std::map<std::vector<std::string>, const BackendPlan*> earlier_;  // of options_.before, by hosts
  Bindings names_{*g_, options_, report_};
  std::vector<std::unique_ptr<std::vector<slc_str>>>& query_texts_ = g_->query_texts;
};

}  // namespace

std::shared_ptr<Generation> compile(std::shared_ptr<const config::Config> c, std::unique_ptr<plugin::Registry> r,
                                    const CompileOptions& o, config::Report& report) {
  return Compiler{std::move(c), std::move(r), o, report}.run();
}

}  // namespace sluice::pipeline
