#include "core/app/gateway_dump.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

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
    if (const auto* hosts = at_root(c, "host"); hosts && hosts->is_array() && !hosts->get_array().empty())
      line(1, "Default hosts: " + boost::json::serialize(*hosts));
    if (c.tls) line(1, "TLS: enabled");
    if (c.client_tls) line(1, std::string{"Client TLS: verification "} + (c.client_tls->allow_insecure ? "off" : "on"));
    if (c.plugin_folder) line(1, "Plugin folder: " + *c.plugin_folder + ", pattern: " + c.plugin_pattern.value_or(".so"));
    if (detail_ >= 2)
      if (const auto* timeout = at_root(c, "timeout"); timeout && timeout->is_string())
        line(1, "Default timeout: " + std::string{timeout->get_string()});
    if (detail_ >= 3) {
      if (c.tls) tls("TLS", *c.tls);
      if (c.client_tls) tls("Client TLS", *c.client_tls);
      line(1, "Client timeouts: connect " + duration(c.dialer_timeout) + ", response header " + duration(c.response_header_timeout) +
                  ", Expect: 100-continue " + duration(c.expect_continue_timeout));
      if (const auto* rest = at_root(c, "disable_rest"); rest && rest->is_bool()) line(1, "REST rules: " + flag(!rest->get_bool()));
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
  static const boost::json::value* at_root(const config::Config& c, std::string_view key) {
    const auto* root = c.at.value ? c.at.value->if_object() : nullptr;
    return root ? root->if_contains(key) : nullptr;
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
  void tls(const std::string& which, const config::TlsVersions& t) {
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
  void components(int depth, const config::Element& at) {
    auto sorted = at.extra;
    sorted.insert(sorted.end(), at.own.begin(), at.own.end());
    if (sorted.empty()) return;
    std::sort(sorted.begin(), sorted.end(), [](const config::Block& a, const config::Block& b) { return a.name < b.name; });
    line(depth, std::to_string(sorted.size()) + " components");
    for (const config::Block& b : sorted)
      line(depth + 1, detail_ >= 2 && b.value ? b.name + ": " + boost::json::serialize(*b.value) : b.name);
  }
  void endpoint(const config::Endpoint& e) {
    line(1, "- " + e.method + " " + colons(e.path));
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
    line(3, "[+] " + b.method + " " + b.log_pattern);
    line(4, "Timeout: " + duration(e.timeout));
    line(4, "Hosts: " + list(b.hosts));
    if (detail_ >= 2) {
      line(4, "Encoding: " + (b.encoding.empty() ? std::string{"(default)"} : b.encoding) + (b.is_collection ? ", collection" : ""));
      if (!b.target.empty()) line(4, "Target: " + b.target);
      if (!b.allow.empty()) line(4, "Allow: " + list(b.allow));
      if (!b.deny.empty()) line(4, "Deny: " + list(b.deny));
      for (const auto& [from, to] : b.mapping) line(4, "Mapping: " + from + " -> " + to);
      if (!b.group.empty()) line(4, "Group: " + b.group);
      line(4, "Service discovery: " + (b.sd.empty() ? std::string{"(default)"} : b.sd));
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
