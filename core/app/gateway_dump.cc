#include "core/app/gateway_dump.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>
#include <vector>

namespace sluice::app {
namespace {

std::string duration(config::Duration d) {
  if (d.count() == 0) return "0s";
  if (d.count() % 1'000'000'000 == 0) return std::to_string(d.count() / 1'000'000'000) + "s";
  if (d.count() % 1'000'000 == 0) return std::to_string(d.count() / 1'000'000) + "ms";
  return std::to_string(d.count()) + "ns";
}

std::string list(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const std::string& v : values) out += (out.size() > 1 ? " " : "") + v;
  return out + "]";
}

class Dump {
 public:
  Dump(int detail, const std::string& indent) : detail_{detail}, indent_{indent} {}

  std::string run(const config::Config& c) {
    line(0, "Global settings");
    line(1, "Name: " + c.name);
    line(1, "Version: 3");
    line(1, "Address: " + (c.listen_ip.empty() ? std::string{"*"} : c.listen_ip));
    line(1, "Port: " + std::to_string(c.port));
    if (!c.default_hosts.empty()) line(1, "Default hosts: " + quoted(c.default_hosts));
    if (c.tls_disabled) line(1, "TLS: disabled");
    if (c.tls) server_tls(*c.tls);
    if (c.client_tls) client_tls(*c.client_tls);
    if (c.plugin_folder) line(1, "Plugin folder: " + *c.plugin_folder + ", pattern: " + c.plugin_pattern.value_or(".so"));
    if (detail_ >= 2) line(1, "Default timeout: " + duration(c.default_timeout));
    if (detail_ >= 3) {
      if (c.tls) tls_numbers("TLS", *c.tls);
      if (c.client_tls) tls_numbers("Client TLS", *c.client_tls);
      line(1, "Client timeouts: connect " + duration(c.dialer_timeout) + ", response header " + duration(c.response_header_timeout) +
                  ", Expect: 100-continue " + duration(c.expect_continue_timeout));
      line(1, "REST rules: " + flag(!c.disable_rest));
      line(1, "Read timeout: " + duration(c.read_timeout) + ", header: " + duration(c.read_header_timeout) +
                  ", write: " + duration(c.write_timeout) + ", idle: " + duration(c.idle_timeout));
      line(1, "Idle connections: " + std::to_string(c.max_idle_connections) + " in total, " +
                  std::to_string(c.max_idle_connections_per_host) + " per host, closed after " + duration(c.idle_connection_timeout));
      line(1, "Compression: " + flag(!c.disable_compression) + ", keep-alives: " + flag(!c.disable_keep_alives));
      line(1, "Header bytes: " + std::to_string(c.max_header_bytes));
      line(1, "Echo endpoint: " + flag(c.echo_endpoint) + ", debug endpoint: " + flag(c.debug_endpoint));
    }
    components(1, c.at);
    line(0, std::to_string(c.endpoints.size()) + " API endpoints");
    for (const config::Endpoint& e : c.endpoints) endpoint(e);
    return out_;
  }

 private:
  static std::string quoted(const std::vector<std::string>& values) {
    return boost::json::serialize(boost::json::array(values.begin(), values.end()));
  }
  // "/a/{id}" as routers of the reference write it, "/a/:id" (cli.md §4.1).
  static std::string colons(const std::string& path) {
    std::string out;
    for (size_t i = 0; i < path.size(); ++i) {
      size_t end = path[i] == '{' && i > 0 && path[i - 1] == '/' ? path.find('}', i) : std::string::npos;
      if (end == std::string::npos || (end + 1 < path.size() && path[end + 1] != '/')) {
        out += path[i];
        continue;
      }
      out += ":" + path.substr(i + 1, end - i - 1);
      i = end;
    }
    return out;
  }
  static std::string versions(const config::TlsVersions& t) {
    auto name = [](int v) { return v == 0 ? std::string{"(default)"} : v == 0x0300 ? "SSL3.0" : "TLS1" + std::to_string(v - 0x0301); };
    return name(t.min) + " to " + name(t.max);
  }
  static std::string cas(const std::vector<std::string>& files, bool without_system) {
    return std::string{"CAs of the system "} + flag(!without_system) + (files.empty() ? "" : ", CA files " + list(files));
  }
  void server_tls(const config::ServerTls& t) {
    std::string pairs;
    for (const auto& k : t.keys) pairs += (pairs.empty() ? "" : " ") + k.public_key + "+" + k.private_key;
    line(1, "TLS: enabled, versions " + versions(t) + ", mTLS " + flag(t.enable_mtls) + ", keys [" + pairs + "], " +
                cas(t.ca_certs, t.disable_system_ca_pool));
  }
  void client_tls(const config::ClientTls& t) {
    std::string pairs;
    for (const auto& [certificate, key] : t.client_certs) pairs += (pairs.empty() ? "" : " ") + certificate + "+" + key;
    line(1, "Client TLS: verification " + flag(!t.allow_insecure) + ", versions " + versions(t) +
                (pairs.empty() ? "" : ", certificates [" + pairs + "]") + ", " + cas(t.ca_certs, t.disable_system_ca_pool));
  }
  void tls_numbers(const std::string& which, const config::TlsVersions& t) {
    auto numbers = [](const std::vector<int>& values) {
      std::string text;
      for (int v : values) text += (text.empty() ? "" : ", ") + std::to_string(v);
      return text.empty() ? std::string{"of the library"} : text;
    };
    line(1, which + " curves: " + numbers(t.curves) + "; ciphers: " + numbers(t.ciphers));
  }
  static std::string flag(bool on) { return on ? "on" : "off"; }
  void line(int depth, const std::string& text) {
    for (int i = 0; i < depth; ++i) out_ += indent_;
    out_ += text + "\n";
  }
  // Names as they stand in the file, also long ones whose short name stands beside them (cli.md §4.1).
  void components(int depth, const config::Element& at) {
    if (!at.written || at.written->empty()) return;
    std::vector<std::pair<std::string, const boost::json::value*>> sorted;
    for (const auto& block : *at.written) sorted.emplace_back(block.key(), &block.value());
    std::sort(sorted.begin(), sorted.end());
    line(depth, std::to_string(sorted.size()) + " components");
    for (const auto& [name, value] : sorted) line(depth + 1, detail_ >= 2 ? name + ": " + boost::json::serialize(*value) : name);
  }
  void endpoint(const config::Endpoint& e) {
    line(1, "- " + e.method + " " + colons(e.path) + e.condition_text());
    line(2, "Timeout: " + duration(e.timeout));
    if (e.any_query) line(2, "Query strings: [*]");
    if (!e.input_query_strings.empty()) line(2, "Query strings: " + list(e.input_query_strings));
    if (e.concurrent_calls > 1) line(2, "Concurrent calls: " + std::to_string(e.concurrent_calls));
    if (detail_ >= 2) {
      line(2, "Cache TTL: " + duration(e.cache_ttl));
      line(2, "Headers: " + (e.any_header ? std::string{"[*]"} : list(e.input_headers)));
      line(2, "Output encoding: " + (e.output_encoding.empty() ? std::string{"(default)"} : e.output_encoding));
    }
    components(2, e.at);
    line(2, "Connecting to " + std::to_string(e.backends.size()) + " backends");
    for (const config::Backend& b : e.backends) backend(b, e);
  }
  void backend(const config::Backend& b, const config::Endpoint& e) {
    line(3, "[+] " + (b.method.empty() ? std::string{"(the request's method)"} : b.method) + " " + b.log_pattern);
    line(4, "Timeout: " + duration(e.timeout));
    line(4, "Hosts: " + list(b.hosts));
    if (detail_ >= 2) {
      line(4, "Encoding: " + (b.encoding.empty() ? std::string{"(default)"} : b.encoding) + (b.is_collection ? ", collection" : ""));
      if (!b.target.empty()) line(4, "Target: " + b.target);
      if (!b.allow.empty()) line(4, "Allow: " + list(b.allow));
      if (!b.deny.empty()) line(4, "Deny: " + list(b.deny));
      for (const auto& [from, to] : b.mapping) line(4, "Mapping: " + from + " -> " + to);
      if (!b.group.empty()) line(4, "Group: " + b.group);
      if (b.filters_headers) line(4, "Headers: " + list(b.input_headers));
      if (b.filters_query) line(4, "Query strings: " + list(b.input_query_strings));
      line(4, "Service discovery: " + (b.sd.empty() ? std::string{"(default)"} : b.sd) + ", scheme " + b.sd_scheme);
    }
    components(4, b.at);
  }
  int detail_;
  const std::string& indent_;
  std::string out_;
};

}  // namespace

std::string dump_config(const config::Config& c, int detail, const std::string& indent) { return Dump{detail, indent}.run(c); }

}  // namespace sluice::app
