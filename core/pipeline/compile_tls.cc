#include "core/pipeline/compile_tls.h"

#include <utility>

namespace sluice::pipeline {
namespace {

void client_tls(Generation& g, const CompileOptions& options, config::Report& report) {
  http::TlsClientOptions t;
  if (const auto& o = g.config->client_tls) {
    t.verify = !o->allow_insecure;
    t.ca_files = o->ca_certs;
    t.system_ca = !o->disable_system_ca_pool;
    t.min_version = o->min, t.max_version = o->max;
    t.curves = o->curves, t.ciphers = o->ciphers;
    t.certificates = o->client_certs;
  }
  std::vector<http::TlsProblem> problems;
  for (const std::string& problem : http::ProxyRules::of_process().problems()) report.error("", problem);
  g.client_tls_key = http::TlsClientContext::fingerprint(t);
  // Connections are pooled by context: the same one keeps them.
  if (options.before && options.before->client_tls_key == g.client_tls_key)
    g.client_tls = options.before->client_tls;
  else if (g.config->client_tls)
    g.client_tls = http::TlsClientContext::create(t, problems);
  else
    g.client_tls = http::TlsClientContext::on_first_use();
  for (http::TlsProblem& p : problems) report.warning(p.place.empty() ? "/client_tls" : "/client_tls/" + p.place, std::move(p.text));
  if (!g.client_tls) report.error("/client_tls", "the TLS settings for backends cannot be used");
}

void server_tls(Generation& g, const CompileOptions& options, config::Report& report) {
  const auto& o = g.config->tls;
  if (!o) return;
  http::TlsServerOptions t;
  for (const auto& k : o->keys) {
    if (k.public_key.empty() || k.private_key.empty()) return;  // said already
    t.pairs.push_back({k.public_key, k.private_key, k.public_pointer, k.private_pointer});
  }
  t.min_version = o->min, t.max_version = o->max;
  t.curves = o->curves, t.ciphers = o->ciphers;
  t.curves_place = "/tls/curve_preferences", t.ciphers_place = "/tls/cipher_suites", t.ca_place = "/tls/ca_certs";
  t.ask_for_certificate = o->enable_mtls;
  t.ca_files = o->ca_certs;
  t.system_ca = !o->disable_system_ca_pool;
  t.trusted_pairs = o->listed;
  g.server_tls_key = http::TlsServerContext::fingerprint(t);
  // The same one goes on: its tickets are those that clients come back with.
  if (options.before && options.before->server_tls && options.before->server_tls_key == g.server_tls_key) {
    g.server_tls = options.before->server_tls;
    return;
  }
  std::vector<http::TlsProblem> problems;
  g.server_tls = http::TlsServerContext::create(t, problems);
  for (http::TlsProblem& p : problems) {
    std::string place = p.place.empty() ? "/tls" : std::move(p.place);
    if (p.fatal) report.error(std::move(place), std::move(p.text));
    else report.warning(std::move(place), std::move(p.text));
  }
}

}  // namespace

void compile_tls(Generation& g, const CompileOptions& options, config::Report& report) {
  client_tls(g, options, report);
  server_tls(g, options, report);
}

}  // namespace sluice::pipeline
