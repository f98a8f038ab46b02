// The root object: service, server and client settings (config.md §3).
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "core/base/text.h"
#include "core/config/reader.h"
#include "core/config/sections.h"

namespace sluice::config {
namespace {

// A percentage of a trial; `otherwise` when it is absent.
double percentage(Fields& fields, std::string_view key, double least, double otherwise) {
  Fields::Found found = fields.find(key);
  if (!found) return otherwise;
  if (!found.value->is_number()) {
    fields.reading().mismatch(found.pointer, "a number of percent", *found.value);
    return otherwise;
  }
  double n = found.value->to_number<double>();
  if (n >= least && n <= 100) return n;
  fields.reading().mismatch(found.pointer, least > 0 ? "a percentage above 0, at most 100" : "a percentage from 0 to 100", *found.value);
  return otherwise;
}

// {"<plugin id or file>": {"share": 5, …}}
void read_trials(Fields& trials, std::vector<PluginTrial>& out) {
  for (const auto& member : trials.value().get_object()) {
    PluginTrial t;
    t.plugin = member.key();
    t.pointer = join(trials.pointer(), member.key());
    if (!member.value().is_object()) {
      trials.reading().mismatch(t.pointer, "an object such as {\"share\": 5}", member.value());
      continue;
    }
    Fields fields{trials.reading(), member.value(), t.pointer};
    t.share = percentage(fields, "share", 0.01, t.share);
    t.max_error_rate = percentage(fields, "max_error_rate", 0, t.max_error_rate);
    if (fields.find("min_requests")) t.min_requests = static_cast<uint32_t>(fields.integer("min_requests", 1, 1'000'000'000));
    t.duration = fields.duration("duration");
    fields.finish();
    out.push_back(std::move(t));
  }
}

// OpenSSL's numbers are those of the protocol (RFC 8446 §4.1.2, RFC 6101).
constexpr std::string_view kTlsNames[] = {"SSL3.0", "TLS10", "TLS11", "TLS12", "TLS13"};
constexpr int kTls13 = 0x0304;

int tls_version(Fields& fields, std::string_view key) {
  std::string name = fields.text(key);
  if (name.empty()) return kTls13;
  for (size_t i = 0; i < std::size(kTlsNames); ++i)
    if (name == kTlsNames[i]) return 0x0300 + static_cast<int>(i);
  // The reference takes any other text for TLS 1.3; a stricter version than meant is no hole.
  fields.reading().warning(
      fields.pointer_of(key),
      "unknown TLS version " + quote(name) + ", taken as \"TLS13\"; known are SSL3.0, TLS10, TLS11, TLS12, TLS13");
  return kTls13;
}

void read_tls_versions(Fields& fields, TlsVersions& tls) {
  tls.min = tls_version(fields, "min_version");
  tls.max = tls_version(fields, "max_version");
  if (tls.min > tls.max)
    fields.reading().warning(fields.pointer_of("max_version"),
                             "is below min_version (\"TLS13\" when not given): no connection can be made");
  tls.curves = fields.integers("curve_preferences", 65535);
  if (tls.curves.empty()) tls.curves = {25, 24, 23};
  tls.ciphers = fields.integers("cipher_suites", 65535);
  if (tls.ciphers.empty()) tls.ciphers = {49199, 49195, 49200, 49196, 52392, 52393};
}

void read_server_tls(Fields& root, Config& config) {
  auto fields = root.object("tls");
  if (!fields) return;
  ServerTls tls;
  bool disabled = fields->flag("disabled");
  read_tls_versions(*fields, tls);
  auto add = [&](Fields& from) {
    std::string open = from.text("public_key"), secret = from.text("private_key");
    if (!disabled && (open.empty() || secret.empty()))
      from.reading().error(from.pointer(), std::string{"expected both public_key and private_key, "} +
                                               (open.empty() ? "public_key" : "private_key") + " is missing");
    tls.keys.push_back({std::move(open), std::move(secret), from.pointer_of("public_key"), from.pointer_of("private_key")});
  };
  for (Fields& pair : fields->objects("keys")) {
    add(pair);
    pair.finish();
  }
  tls.listed = tls.keys.size();
  if (!fields->text("public_key").empty() || !fields->text("private_key").empty()) add(*fields);
  if (!disabled && tls.keys.empty())
    fields->reading().error(fields->pointer(),
                            "expected keys with a public_key and a private_key (or \"disabled\": true)");
  tls.enable_mtls = fields->flag("enable_mtls");
  tls.ca_certs = fields->texts("ca_certs");
  tls.disable_system_ca_pool = fields->flag("disable_system_ca_pool");
  fields->finish();
  config.tls_disabled = disabled;
  if (!disabled) config.tls = std::move(tls);
}

void read_client_tls(Fields& root, Config& config) {
  bool insecure = root.flag("allow_insecure_connections");
  auto fields = root.object("client_tls");
  if (!fields && !insecure) return;
  // Without the block this reads the defaults of an empty one, which is what the root's flag stands for.
  static const boost::json::value kNone(boost::json::object_kind);
  Fields none{root.reading(), kNone, root.pointer_of("client_tls"), *kRootGrammar.find("client_tls")->inner};
  Fields& from = fields ? *fields : none;
  ClientTls tls;
  read_tls_versions(from, tls);
  tls.allow_insecure = from.flag("allow_insecure_connections") || insecure;
  tls.ca_certs = from.texts("ca_certs");
  tls.disable_system_ca_pool = from.flag("disable_system_ca_pool");
  for (Fields& pair : from.objects("client_certs")) {
    std::string certificate = pair.text("certificate"), key = pair.text("private_key");
    if (certificate.empty() || key.empty())
      pair.reading().error(pair.pointer(), "expected certificate and private_key");
    pair.finish();
    tls.client_certs.emplace_back(std::move(certificate), std::move(key));
  }
  from.finish();
  config.client_tls = std::move(tls);
}

void read_server(Fields& root, Config& config) {
  config.read_timeout = root.duration("read_timeout");
  config.read_header_timeout = root.duration("read_header_timeout");
  if (config.read_header_timeout.count() == 0) config.read_header_timeout = config.read_timeout;
  config.idle_timeout = root.duration("idle_timeout");
  if (config.idle_timeout.count() == 0) config.idle_timeout = config.read_timeout;
  if (config.idle_timeout.count() == 0) config.idle_timeout = config.read_header_timeout;
  config.write_timeout = root.duration("write_timeout");
  config.max_shutdown_wait = root.duration("max_shutdown_wait_time");
  if (int64_t n = root.integer("max_header_bytes", INT64_MIN, 1 << 30); n > 0)
    config.max_header_bytes = static_cast<uint32_t>(n);
  config.use_h2c = root.flag("use_h2c");
  read_server_tls(root, config);
}

void read_client(Fields& root, Config& config) {
  config.disable_keep_alives = root.flag("disable_keep_alives");
  config.disable_compression = root.flag("disable_compression");
  int64_t total = root.integer("max_idle_connections", INT64_MIN, UINT32_MAX);
  int64_t per_host = root.integer("max_idle_connections_per_host", INT64_MIN, UINT32_MAX);
  // Go keeps no connection at all under a negative limit.
  if (total < 0 || per_host < 0) config.disable_keep_alives = true;
  if (total > 0) config.max_idle_connections = static_cast<uint32_t>(total);
  if (per_host > 0) config.max_idle_connections_per_host = static_cast<uint32_t>(per_host);
  config.idle_connection_timeout = root.duration("idle_connection_timeout");
  config.response_header_timeout = root.duration("response_header_timeout");
  config.expect_continue_timeout = root.duration("expect_continue_timeout");
  config.dialer_timeout = root.duration("dialer_timeout");
  if (Duration d = root.duration("dialer_fallback_delay"); d.count() != 0) config.dialer_fallback_delay = d;
  if (Duration d = root.duration("dialer_keep_alive"); d.count() != 0) config.dialer_keep_alive = d;
  read_client_tls(root, config);
}

void read_order(Fields& plugin, Config& config) {
  auto list = plugin.find("order");
  if (!list) return;
  config.plugin_order = plugin.texts("order");
  const auto& names = config.plugin_order;
  for (size_t i = 0; i < names.size(); ++i)
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) != names.begin() + static_cast<std::ptrdiff_t>(i))
      plugin.reading().error(join(list.pointer, i), quote(names[i]) + " is in the list twice");
}

// What an entry of "isolate" says beside the name.
void read_isolation_limits(Reading& reading, Fields& entry, IsolatedPlugin& p) {
  if (Duration d = entry.duration("timeout"); d.count() > 0)
    p.timeout_ms = static_cast<uint32_t>(std::min<int64_t>((d.count() + 999'999) / 1'000'000, 3'600'000));
  else if (d.count() < 0)
    reading.error(entry.pointer_of("timeout"), "the time limit of a hook must be positive, such as \"1s\"");
  if (int64_t n = entry.integer("helpers", 1, 64); n) p.helpers = static_cast<uint32_t>(n);
  if (int64_t n = entry.integer("memory_mb", 16, 1 << 20); n) p.memory_mb = static_cast<uint32_t>(n);
  entry.finish();
}

// "isolate": a list of plugins, each a text or an object with limits; or an object of plugins, each true or an object with limits.
void read_isolated(Fields& plugin, Config& config) {
  auto list = plugin.find("isolate");
  if (!list) return;
  Reading& reading = plugin.reading();
  auto add = [&](IsolatedPlugin p) {
    if (p.name.empty()) return reading.error(p.pointer, "names no plugin: write its id or its file's name");
    if (std::any_of(config.isolated_plugins.begin(), config.isolated_plugins.end(), [&](auto& q) { return q.name == p.name; }))
      return reading.error(p.pointer, quote(p.name) + " is in the list twice");
    config.isolated_plugins.push_back(std::move(p));
  };
  if (list.value->is_object()) {
    for (const auto& [name, value] : list.value->get_object()) {
      IsolatedPlugin p;
      p.name = std::string{std::string_view{name}};
      p.pointer = join(list.pointer, name);
      if (value.is_object()) {
        Fields entry{reading, value, p.pointer};
        if (entry.find("plugin")) reading.error(entry.pointer_of("plugin"), "the plugin is named in front of this object already");
        read_isolation_limits(reading, entry, p);
      } else if (!value.is_bool()) {
        reading.mismatch(p.pointer, "true, false or {\"timeout\": …}", value);
        continue;
      } else if (!value.get_bool()) {
        continue;
      }
      add(std::move(p));
    }
    return;
  }
  if (!list.value->is_array())
    return reading.mismatch(list.pointer, "a list of plugins, each an id, a file name, or {\"plugin\": …, \"timeout\": …}; or an object, {\"acme.x\": true}",
                            *list.value);
  const auto& entries = list.value->get_array();
  for (size_t i = 0; i < entries.size(); ++i) {
    IsolatedPlugin p;
    p.pointer = join(list.pointer, i);
    if (entries[i].is_string()) {
      p.name = std::string{std::string_view{entries[i].get_string()}};
    } else if (entries[i].is_object()) {
      Fields entry{reading, entries[i], p.pointer};
      p.name = entry.text("plugin");
      read_isolation_limits(reading, entry, p);
    } else {
      reading.mismatch(p.pointer, "the id or file name of a plugin, or {\"plugin\": …, \"timeout\": …}", entries[i]);
      continue;
    }
    add(std::move(p));
  }
}

void read_plugin_lock(Fields& plugin, Config& config) {
  static constexpr std::string_view kModes[] = {"off", "if_present", "required"};
  config.plugin_public_key = plugin.text("public_key");
  if (!plugin.find("lock")) return;
  std::string mode = plugin.text("lock");
  if (std::find(std::begin(kModes), std::end(kModes), mode) == std::end(kModes)) {
    plugin.reading().error(plugin.pointer_of("lock"), "expected \"required\", \"if_present\" or \"off\", found " + quote(mode) + suggestion(mode, kModes));
    return;
  }
  // Whoever may change the folder could take the list away, and the signature would ask for nothing.
  if (!config.plugin_public_key.empty() && mode != "required")
    plugin.reading().warning(plugin.pointer_of("public_key"),
                             "guards nothing when \"lock\" is \"" + mode + "\" and plugins.lock is missing; leave \"lock\" out or set \"required\"");
  config.plugin_lock = std::move(mode);
}

}  // namespace

std::span<const std::string_view> root_keys() {
  static const std::vector<std::string_view> kNames = [] {
    std::vector<std::string_view> names;
    for (const Key& k : kRootGrammar.keys) names.push_back(k.name);
    return names;
  }();
  return kNames;
}

void read_service(Fields& root, Config& config, Inherited& inherited) {
  Reading& reading = root.reading();
  // V1. Wrong types are reported by integer() already.
  size_t before = reading.report.issues().size();
  int64_t version = root.integer("version");
  if (version != 3 && reading.report.issues().size() == before)
    reading.error(root.find("version") ? root.pointer_of("version") : root.pointer(),
                  "unsupported version: found " + std::to_string(version) + ", expected \"version\": 3");
  config.name = root.text("name");
  if (int64_t port = root.integer("port", 0, 65535)) config.port = static_cast<uint16_t>(port);

  config.listen_ip = root.text("listen_ip");
  unsigned char address[16];
  if (const char* ip = config.listen_ip.c_str();
      !config.listen_ip.empty() && inet_pton(AF_INET, ip, address) != 1 && inet_pton(AF_INET6, ip, address) != 1)
    reading.error(root.pointer_of("listen_ip"), "expected an IPv4 or IPv6 address, found " + quote(config.listen_ip));

  inherited.timeout = root.duration("timeout");
  if (inherited.timeout.count() == 0) inherited.timeout = std::chrono::seconds{2};
  inherited.cache_ttl = root.duration("cache_ttl");
  inherited.output_encoding = root.text("output_encoding");
  inherited.disable_rest = root.flag("disable_rest");
  std::vector<std::string> hosts = root.texts("host");
  auto found = root.find("host");
  for (size_t i = 0; i < hosts.size(); ++i) {
    std::string why;
    if (auto host = clean_host(hosts[i], &why)) inherited.hosts.push_back(std::move(*host));
    else
      reading.error(found.value->is_array() ? join(found.pointer, i) : found.pointer,
                    "invalid host " + quote(hosts[i]) + ": " + why);
  }

  config.default_timeout = inherited.timeout;
  config.default_hosts = inherited.hosts;
  config.disable_rest = inherited.disable_rest;

  // Part of the file format that this version does not carry out: a service whose consumers silently do not run is not what
  // its configuration says.
  if (!root.objects("async_agent").empty())
    reading.error(root.pointer_of("async_agent"), "this version has no asynchronous agents");

  config.debug_endpoint = root.flag("debug_endpoint");
  config.echo_endpoint = root.flag("echo_endpoint");
  config.sequential_start = root.flag("sequential_start");
  if (auto plugin = root.object("plugin")) {
    if (plugin->find("folder")) config.plugin_folder = plugin->text("folder");
    if (plugin->find("pattern")) config.plugin_pattern = plugin->text("pattern");
    if (auto trials = plugin->object("trial")) read_trials(*trials, config.trials);
    if (plugin->find("watchdog_ms")) config.plugin_watchdog_ms = static_cast<uint32_t>(plugin->integer("watchdog_ms", 0, 3'600'000));
    if (plugin->find("rehearsal_ms")) config.plugin_rehearsal_ms = static_cast<uint32_t>(plugin->integer("rehearsal_ms", 0, 3'600'000));
    read_isolated(*plugin, config);
    read_order(*plugin, config);
    read_plugin_lock(*plugin, config);
    plugin->finish();
  }
  if (Duration d = root.duration("dns_cache_ttl"); d >= std::chrono::seconds{1}) config.dns_cache_ttl = d;
  read_server(root, config);
  read_client(root, config);
}

}  // namespace sluice::config
