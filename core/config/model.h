// The typed configuration after reading: defaults and inheritance applied, hosts cleaned, placeholders split.
// Immutable. Everything a plugin owns stays a JSON value in `extra`. Spec: config.md.
#pragma once
#include <boost/json/fwd.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/config/aggregation.h"
#include "core/router/condition.h"

namespace sluice::config {

// Bounds of what is held in memory for one request, where the configuration sets no others (the reference has none).
inline constexpr uint64_t kMaxRequestBody = uint64_t{64} << 20, kMaxResponseBody = uint64_t{256} << 20;

using Duration = std::chrono::nanoseconds;

// One entry of an extra_config, before anybody looked at it.
struct Block {
  std::string name;                           // as written; of Element::own the short one
  const boost::json::value* value = nullptr;  // owned by Config::tree
  std::string pointer;                        // RFC 6901, absolute
};

// An object that plugins may look at, and where it stands.
struct Element {
  const boost::json::value* value = nullptr;
  std::string pointer;
  std::vector<Block> extra;  // for plugins
  std::vector<Block>
      own;  // the core's own namespaces (proxy, router, backend/http…), by short name; short wins over long
  // Its extra_config as it stands in the file, with names as written, long ones that a short one wins over too; null: none.
  const boost::json::object* written = nullptr;
};

struct TlsVersions {
  int min = 0, max = 0;  // OpenSSL numbers; 0: library default
  std::vector<int> curves, ciphers;
};

struct ClientTls : TlsVersions {
  bool allow_insecure = false;
  std::vector<std::string> ca_certs;
  bool disable_system_ca_pool = false;
  std::vector<std::pair<std::string, std::string>> client_certs;
};

struct ServerTls : TlsVersions {
  struct KeyPair {
    std::string public_key, private_key;          // PEM files
    std::string public_pointer, private_pointer;  // where they are named
  };
  std::vector<KeyPair> keys;
  size_t listed = 0;  // of them in "keys"; one more is the old pair beside the list
  bool enable_mtls = false;
  std::vector<std::string> ca_certs;
  bool disable_system_ca_pool = false;
};

// A url_pattern split at its placeholders, without its #fragment. Writing the parts one after the other gives path and
// query; text is raw, as written (pipeline.md §3.1 says what is encoded when it is sent). The query's first part begins
// with the '?'.
struct UrlPart {
  enum class Kind : uint8_t {
    text,       // literal
    parameter,  // {name} of the endpoint, or {JWT.claim}: looked up by `text` among the request's parameters
    response,   // {respN_path}: `step` = N, `text` = dotted path; unresolved it is sent as {{.RespN_path}} (pipeline.md
                // §5.3)
  };
  Kind kind = Kind::text;
  std::string text;
  uint32_t step = 0;
  bool in_query = false;  // at or behind the pattern's '?'
};

enum class StaticStrategy : uint8_t { always, success, errored, complete, incomplete };

struct Backend {
  Element at;
  std::string method;       // upper-cased; "": the request's, where the endpoint takes several
  std::string url_pattern;  // as written, leading slash ensured
  std::string log_pattern;  // with {{.Name}} placeholders, for error texts
  std::vector<UrlPart> url;
  std::vector<std::string> hosts;  // cleaned unless disable_host_sanitize
  std::string encoding;            // lower case; "" = the default decoder
  std::string encoding_written, encoding_pointer;  // as it stands in the file, and where: here or in the endpoint
  std::string sd;                  // "" = the default resolver
  std::string sd_scheme = "http";
  bool is_collection = false;
  bool disable_host_sanitize = false;
  std::string target, group;
  std::vector<std::string> allow, deny;
  std::vector<std::pair<std::string, std::string>> mapping;
  bool filters_headers = false, filters_query = false;          // a non-empty list was given
  std::vector<std::string> input_headers, input_query_strings;  // headers canonical
  // backend/http (pipeline.md §7.1)
  std::string return_error_details;  // "" = off
  bool return_error_code = false;
  // backend/http/client
  bool send_body_on_redirect = false;
  uint32_t max_gzip_ratio = 200;  // of an answer that is held whole; 0: no bound
  // proxy
  bool shadow = false;
  Duration shadow_timeout{0};  // the endpoint's timeout when not given
  std::optional<StepOptions> step;  // sluice
  Http2 http2 = Http2::never;       // sluice
  uint64_t max_response_body = kMaxResponseBody;  // sluice: bytes of an answer that is held whole
};

// plugin.trial: how a new build of one plugin is tried on a share of the requests before it gets all of them.
struct PluginTrial {
  std::string plugin;         // its id, or the name of its file
  std::string pointer;
  double share = 5;           // percent of the requests
  double max_error_rate = 1;  // percentage points of failures beyond those of the build in use
  uint32_t min_requests = 100;  // through the new build, before it is judged
  Duration duration{0};       // then it gets all requests by itself; 0: only when told to
};

struct Endpoint {
  Element at;
  std::string path;   // as registered: leading slash, cleaned; the pattern for Router::add
  std::string shown;  // the same for people: a brace that is text is one brace
  std::vector<std::string>
      params;          // names of its placeholders, in order ("*" for a nameless rest); the last of equal ones wins
  std::string method;  // upper case, for people: "GET", "GET, POST", "ANY"
  std::vector<std::string> methods;  // at least one
  bool any_method = false;           // "ANY": gives way to endpoints that name the method
  // match.host and match.headers: one for each host, at least one, all with the same headers.
  std::vector<router::Condition> conditions{1};
  // "GET /a", with its hosts and headers behind it if it has any: what tells it from all others.
  std::string label() const { return method + " " + path + condition_text(); }
  std::string condition_text() const;  // " (host a.example, header x-version: 2)", or ""
  Duration timeout{0}, cache_ttl{0};
  uint32_t concurrent_calls = 1;
  std::string output_encoding;                                  // "" = the default encoder
  bool any_header = false, any_query = false;                   // "*"
  std::vector<std::string> input_headers, input_query_strings;  // headers canonical; empty: {"Content-Type"}
  std::vector<Backend> backends;
  // proxy
  bool sequential = false;
  std::vector<std::string> sequential_propagated_params;
  const boost::json::value* static_data = nullptr;  // object
  StaticStrategy static_strategy = StaticStrategy::always;
  // sluice
  std::optional<Aggregation> aggregation;
  bool problem_json = false;
  uint64_t max_request_body = kMaxRequestBody;  // bytes of a body that is held whole
};

// extra_config.router (config.md §6.5)
struct RouterOptions {
  bool redirect_trailing_slash = true, redirect_fixed_path = true, method_not_allowed = true;
  bool remove_extra_slash = false, auto_options = false, return_error_msg = false;
  bool disable_health = false;
  std::string health_path = "/__health";
  bool disable_access_log = false;
  std::vector<std::string> logger_skip_paths;
  bool disable_path_decoding = false, hide_version_header = false;
  bool forwarded_by_client_ip = true;
  std::vector<std::string> remote_ip_headers{"X-Forwarded-For", "X-Real-IP"};
  std::vector<std::string> trusted_proxies{"0.0.0.0/0", "::/0"};  // an unusable entry empties the list
  bool app_engine = false;
  std::optional<std::string> error_body_404, error_body_405;  // JSON text
  bool use_h2c = false;
};

// An entry of plugin.isolate: this plugin's code runs in processes of its own.
struct IsolatedPlugin {
  std::string name;             // its id, or its file's name with or without ending
  uint32_t timeout_ms = 1000;   // of one hook
  uint32_t helpers = 1;         // processes
  uint32_t memory_mb = 0;       // of each; 0: no limit
  std::string pointer;
};

// sluice.explain of the root: accounts of answers for those who ask with a signed header.
struct Explain {
  std::string secret;  // of signers elsewhere; "": only the admin socket signs
  Duration max_age{std::chrono::seconds{60}};
};

struct Config {
  uint64_t max_response_body = kMaxResponseBody;  // sluice of the root; backends may have another
  std::string file;
  std::shared_ptr<const boost::json::value> tree;  // environment applied; what the pointers above refer to
  Element at;                                      // the root object
  std::string name;
  uint16_t port = 8080;
  std::string listen_ip;
  bool debug_endpoint = false, echo_endpoint = false, sequential_start = false;
  std::optional<std::string> plugin_folder, plugin_pattern;
  std::vector<PluginTrial> trials;
  std::optional<uint32_t> plugin_watchdog_ms;  // 0: off
  std::optional<uint32_t> plugin_rehearsal_ms;  // 0: off
  std::vector<IsolatedPlugin> isolated_plugins;
  std::vector<std::string> plugin_order;  // names of extra_config: those of one chain stand in this order, not in that of their stages
  std::optional<std::string> plugin_lock;  // "off", "if_present", "required"
  std::string plugin_public_key;           // file; "": none
  Duration dns_cache_ttl{std::chrono::seconds{30}};
  // server
  Duration read_timeout{0}, read_header_timeout{0}, write_timeout{0}, idle_timeout{0};
  uint32_t max_header_bytes = 1 << 20;
  Duration max_shutdown_wait{0};  // max_shutdown_wait_time; 0: sluice's default limit of 30 s
  std::optional<ServerTls> tls;   // absent or disabled: plain
  bool use_h2c = false;
  // client
  bool disable_keep_alives = false, disable_compression = false;
  uint32_t max_idle_connections = 0, max_idle_connections_per_host = 250;
  Duration idle_connection_timeout{0}, response_header_timeout{0}, expect_continue_timeout{0}, dialer_timeout{0};
  Duration dialer_fallback_delay{std::chrono::milliseconds{300}}, dialer_keep_alive{std::chrono::seconds{15}};
  std::optional<ClientTls> client_tls;
  bool tls_disabled = false;  // "tls" is there and switched off
  // What endpoints and backends inherit that say nothing themselves; it stands in them already.
  std::vector<std::string> default_hosts;  // cleaned
  Duration default_timeout{0};
  bool disable_rest = false;
  RouterOptions router;
  bool problem_json = false;  // sluice: of errors that are no endpoint's, and of endpoints that do not say
  std::optional<Explain> explain;  // sluice; nullopt: nobody gets an account
  std::vector<Endpoint> endpoints;
};

}  // namespace sluice::config
