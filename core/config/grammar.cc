#include "core/config/grammar.h"

namespace sluice::config {
namespace {

using enum Type;

constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"};
constexpr std::string_view kLockModes[] = {"if_present", "required", "off"};
constexpr std::string_view kTlsVersions[] = {"TLS13", "TLS12", "TLS11", "TLS10", "SSL3.0"};
constexpr std::string_view kStrategies[] = {"always", "success", "errored", "complete", "incomplete"};

constexpr Key kTrialKeys[] = {
    {.name = "share", .type = number, .description = "Percent of the requests that the new build serves", .fallback = "5", .least = 0, .most = 100},
    {.name = "max_error_rate", .type = number, .description = "Percentage points of failed requests above the old build's at which the trial ends",
     .fallback = "1", .least = 0, .most = 100},
    {.name = "min_requests", .type = integer, .description = "Requests of the new build before it is judged", .fallback = "100", .least = 1,
     .most = 1'000'000'000},
    {"duration", duration, "The new build takes over after so long; default: when told"},
};
constexpr Grammar kTrial{"a trial", kTrialKeys};

constexpr Key kIsolatedKeys[] = {
    {.name = "plugin", .type = text, .description = "Id or file name", .required = true},
    {"timeout", duration, "A hook may run so long", R"("1s")"},
    {.name = "helpers", .type = integer, .description = "Processes", .fallback = "1", .least = 1, .most = 64},
    {.name = "memory_mb", .type = integer, .description = "Limit of each process", .least = 16, .most = 1 << 20},
};
constexpr Grammar kIsolated{"an isolated plugin", kIsolatedKeys};

constexpr Key kPluginKeys[] = {
    {"folder", text, "Further folder of plugins"},
    {"pattern", text, "A file there is loaded if its name contains this", R"(".so")"},
    {.name = "lock", .type = text,
     .description = "What plugins.lock in a plugins folder decides: a folder that has one loads only what it lists (if_present), a folder must have one (required), it is not looked at (off)",
     .fallback = R"("if_present")", .choices = kLockModes},
    {"public_key", text, "PEM file of an ed25519 key: plugins.lock must be signed by it, and is required unless \"lock\" says otherwise"},
    {.name = "trial", .type = members, .description = "New builds of these plugins, by id or file name, are tried on a share of the requests",
     .inner = &kTrial},
    {.name = "watchdog_ms", .type = integer, .description = "A hook that holds its event loop longer is named in the log; 0: never", .fallback = "100",
     .least = 0, .most = 3'600'000},
    {.name = "rehearsal_ms", .type = integer,
     .description = "Longest time for one call of a plugin in the rehearsal of a reload and in check; 0: no rehearsal", .fallback = "30000", .least = 0,
     .most = 3'600'000},
    {.name = "isolate", .type = named, .description = "Plugins that run in processes of their own", .inner = &kIsolated},
    {"order", texts, "Names of extra_config: where several of them stand in one chain, they run in this order, outermost first, instead of that of their stages"},
};
constexpr Grammar kPlugin{"plugin", kPluginKeys};

constexpr Key kKeyPairKeys[] = {{"public_key", text, "PEM file with the certificate chain"}, {"private_key", text, "PEM file with the private key"}};
constexpr Grammar kKeyPair{"a key pair", kKeyPairKeys};
constexpr Key kCertificateKeys[] = {{"certificate", text, "PEM file with the certificate chain"}, {"private_key", text, "PEM file with the private key"}};
constexpr Grammar kCertificate{"a client certificate", kCertificateKeys};

constexpr Key kMinVersion{.name = "min_version", .type = text, .description = "Lowest version of TLS", .fallback = R"("TLS13")", .choices = kTlsVersions,
    .may_be_empty = true};
constexpr Key kMaxVersion{.name = "max_version", .type = text, .description = "Highest version of TLS", .fallback = R"("TLS13")", .choices = kTlsVersions,
    .may_be_empty = true};
constexpr Key kCurves{.name = "curve_preferences", .type = integers, .description = "Numbers of the IANA registry", .fallback = "[25, 24, 23]", .least = 0,
    .most = 65535};
constexpr Key kSuites{.name = "cipher_suites", .type = integers, .description = "Numbers of the IANA registry",
    .fallback = "[49199, 49195, 49200, 49196, 52392, 52393]", .least = 0, .most = 65535};

constexpr Key kTlsKeys[] = {
    {"disabled", flag, "The block has no effect", "false"},
    {.name = "keys", .type = objects, .description = "Certificates of the server", .inner = &kKeyPair},
    {"public_key", text, "PEM file with the certificate chain; the same as one entry of keys"},
    {"private_key", text, "PEM file with the private key"},
    kMinVersion,
    kMaxVersion,
    kCurves,
    kSuites,
    {"prefer_server_cipher_suites", any, "Has no effect"},
    {"enable_mtls", flag, "Clients must show a certificate of one of the authorities", "false"},
    {"ca_certs", texts, "Authorities of client certificates, PEM files; with enable_mtls"},
    {"disable_system_ca_pool", flag, "Only those, and the certificates in keys", "false"},
};
constexpr Grammar kTls{"tls", kTlsKeys};

constexpr Key kClientTlsKeys[] = {
    {"allow_insecure_connections", flag, "Certificates of backends are not checked", "false"},
    {"ca_certs", texts, "Further authorities, PEM files"},
    {"disable_system_ca_pool", flag, "Only those", "false"},
    {.name = "client_certs", .type = objects, .description = "For backends that ask for one", .inner = &kCertificate},
    kMinVersion,
    kMaxVersion,
    kCurves,
    kSuites,
};
constexpr Grammar kClientTls{"client_tls", kClientTlsKeys};

constexpr Key kBackendKeys[] = {
    {"url_pattern", text, "Path at the backend, with {name} of the endpoint's parameters", R"("/")"},
    {"host", texts, "http://name:port or https://…, without a path; default: those of the root"},
    {"method", text, "Default: the endpoint's"},
    {.name = "encoding", .type = text, .description = "How the answer is read", .offer = Offer::decoders},
    {"is_collection", flag, "The answer is a list; it stands under \"collection\"", "false"},
    {"target", text, "Only the object at this dotted path"},
    {"allow", texts, "Only these members, dotted paths"},
    {"deny", texts, "All but these members, dotted paths; not looked at beside allow"},
    {"mapping", pairs, "New names of top-level members"},
    {"group", text, "Puts the answer under this key"},
    {.name = "sd", .type = text, .description = "Service discovery", .offer = Offer::resolvers},
    {"sd_scheme", text, "Scheme of what it finds", R"("http")"},
    {"disable_host_sanitize", flag, "Hosts are taken as they stand, so they may have a path", "false"},
    {"input_headers", texts, "Only these of the headers that the endpoint lets in"},
    {"input_query_strings", texts, "Only these of the query strings that the endpoint lets in"},
    {"timeout", duration, "Has no effect: the endpoint's holds"},
    {"concurrent_calls", integer, "Has no effect: the endpoint's holds"},
    {"extra_config", blocks, "Plugins of this backend, and the blocks proxy, sluice, backend/http, backend/http/client"},
};

constexpr Key kMatchKeys[] = {
    {"host", texts, "Hosts that requests must be sent to: names, or *.example.com for all below it; one of them is enough"},
    {"headers", pairs, "Headers that requests must have, all of them; in a value * stands for any text"},
};
constexpr Grammar kMatch{"match", kMatchKeys};

constexpr Key kEndpointKeys[] = {
    {"endpoint", text, "Path; {name} is a parameter, {name...} or * at the end all the rest", R"("/")"},
    {.name = "method", .type = texts, .description = "Method of the requests, or a list; ANY is each that no other endpoint names", .fallback = R"("GET")",
     .choices = kMethods, .any_case = true, .may_be_empty = true},
    {.name = "match", .type = object, .description = "Which requests for this path it takes", .inner = &kMatch},
    {.name = "backend", .type = objects, .description = "Who is called; the answers are merged", .inner = &kBackendGrammar, .required = true},
    {"timeout", duration, "Of the whole endpoint; default: that of the root"},
    {"cache_ttl", duration, "Cache-Control: public, max-age=… on complete answers; default: that of the root"},
    {.name = "concurrent_calls", .type = integer, .description = "Each backend is called so many times at once, the first complete answer wins",
     .fallback = "1", .most = 65535},
    {.name = "output_encoding", .type = text, .description = "How the client gets the answer; default: that of the root", .offer = Offer::encoders},
    {.name = "encoding", .type = text, .description = "Encoding of backends that name none", .offer = Offer::decoders},
    {"input_headers", texts, "Headers that pass to backends; \"*\" is all", R"(["Content-Type"])"},
    {"input_query_strings", texts, "Query strings that pass to backends; \"*\" is all", "[]"},
    {"extra_config", blocks, "Plugins of this endpoint, and the blocks proxy and sluice"},
};

constexpr Key kRootKeys[] = {
    {.name = "version", .type = integer, .description = "Version of the file format: 3", .least = 3, .most = 3, .required = true},
    {"name", text, "For people"},
    {.name = "port", .type = integer, .description = "TCP port", .fallback = "8080", .least = 0, .most = 65535},
    {"listen_ip", text, "IPv4 or IPv6 literal; default: all interfaces"},
    {"host", texts, "Hosts of backends that name none"},
    {"timeout", duration, "Of endpoints that name none", R"("2s")"},
    {"cache_ttl", duration, "Of endpoints that name none"},
    {.name = "output_encoding", .type = text, .description = "Of endpoints that name none", .offer = Offer::encoders},
    {"extra_config", blocks, "Plugins of the whole service, and the blocks router and sluice"},
    {.name = "endpoints", .type = objects, .description = "What is served", .inner = &kEndpointGrammar},
    {.name = "async_agent", .type = objects, .description = "Asynchronous agents; this version has none, and refuses them", .most = 0},
    {.name = "plugin", .type = object, .description = "Plugins folder, and who may put plugins there", .inner = &kPlugin},
    {"disable_rest", flag, "Parameters may stand anywhere in an endpoint's path", "false"},
    {"debug_endpoint", flag, "Serves /__debug/*", "false"},
    {"echo_endpoint", flag, "Serves /__echo/*", "false"},
    {"sequential_start", flag, "Has no effect", "false"},
    {"dns_cache_ttl", duration, "Longest pause between failing look-ups of a service discovery; a good answer holds for its own time to live", R"("30s")"},
    {"allow_insecure_connections", flag, "Certificates of backends are not checked", "false"},
    {"read_timeout", duration, "A whole request, body included"},
    {"read_header_timeout", duration, "Request line and headers; default: read_timeout"},
    {"write_timeout", duration, "From the end of the request's headers to the end of the answer"},
    {"idle_timeout", duration, "A kept connection without a request; default: read_timeout, else read_header_timeout"},
    {.name = "max_header_bytes", .type = integer, .description = "Request line and headers", .fallback = "1048576", .most = 1 << 30},
    {"max_shutdown_wait_time", duration, "How long running requests may go on after SIGTERM", R"("30s")"},
    {"use_h2c", flag, "HTTP/2 without TLS too: prior knowledge and Upgrade", "false"},
    {.name = "tls", .type = object, .description = "TLS of the server", .inner = &kTls},
    {"disable_keep_alives", flag, "A new connection for each call", "false"},
    {"disable_compression", flag, "gzip is not asked for", "false"},
    {.name = "max_idle_connections", .type = integer, .description = "Kept connections, all hosts; 0: no limit", .fallback = "0", .most = UINT32_MAX},
    {.name = "max_idle_connections_per_host", .type = integer, .description = "Kept connections to one host", .fallback = "250", .most = UINT32_MAX},
    {"idle_connection_timeout", duration, "How long one is kept"},
    {"response_header_timeout", duration, "From the end of the request to the head of the answer"},
    {"expect_continue_timeout", duration, "How long the body of a no-op endpoint waits for the backend's 100 Continue, if the endpoint lets Expect through"},
    {"dialer_timeout", duration, "Name resolution and connection, together; TLS has 10 s of its own"},
    {"dialer_fallback_delay", duration, "Before the other address family is tried too", R"("300ms")"},
    {"dialer_keep_alive", duration, "TCP probes", R"("15s")"},
    {.name = "client_tls", .type = object, .description = "TLS of connections to backends", .inner = &kClientTls},
};

constexpr Key kRouterKeys[] = {
    {"disable_redirect_trailing_slash", flag, "/a/ is not redirected to /a, nor the other way", "false"},
    {"disable_redirect_fixed_path", flag, "No redirect to the cleaned or differently cased path", "false"},
    {"disable_handle_method_not_allowed", flag, "A wrong method is 404, not 405", "false"},
    {"remove_extra_slash", flag, "//a/../b is served as /b", "false"},
    {"auto_options", flag, "OPTIONS of every path lists its methods", "false"},
    {"return_error_msg", flag, "The text of the error as body, when there is nothing else", "false"},
    {"disable_health", flag, "No health page", "false"},
    {.name = "health_path", .type = text, .description = "Where it is", .fallback = R"("/__health")", .pattern = "^(/|$)"},
    {"disable_access_log", flag, "No access log", "false"},
    {"logger_skip_paths", texts, "Paths that are not in the access log"},
    {"disable_path_decoding", flag, "Parameters may be percent-encoded twice, or hold ? and #", "false"},
    {"hide_version_header", flag, "X-Krakend: Version undefined", "false"},
    {"forwarded_by_client_ip", flag, "false: the client's address is the TCP peer's", "true"},
    {"remote_ip_headers", texts, "Where the client's address is looked for", R"(["X-Forwarded-For", "X-Real-IP"])"},
    {"trusted_proxies", texts, "Addresses or networks whose headers are believed", R"(["0.0.0.0/0", "::/0"])"},
    {"app_engine", flag, "X-Appengine-Remote-Addr first", "false"},
    {"max_multipart_memory", integer, "Has no effect"},
    {"use_h2c", flag, "The same as use_h2c of the root", "false"},
    {"error_body", object, "Bodies of 404 and 405, any JSON, instead of the plain text"},
    {"decompress_gzip", any, "Has no effect"},
    {"disable_gzip", any, "Has no effect"},
    {"max_payload", any, "Has no effect"},
};

constexpr Key kStaticKeys[] = {
    {"data", object, "Members put into the answer, over those of backends"},
    {.name = "strategy", .type = text, .description = "When", .fallback = R"("always")", .choices = kStrategies},
};

constexpr Key kEndpointProxyKeys[] = {
    {"sequential", flag, "Backends are called one after the other, in the order written", "false"},
    {.name = "sequential_propagated_params", .type = texts,
     .description = "Values of earlier answers that plugins of later backends see as parameters: resp0_id", .pattern = "^[Rr]esp[0-9]+(_.+)?$"},
    {"combiner", text, "Has no effect: there is one way of merging"},
    {.name = "static", .type = object, .description = "Data put into the answer", .inner = &kStaticBlock},
    {"flatmap_filter", operations, "On the merged answer of two or more backends"},
    {"shadow", any, "Belongs to a backend"},
    {"shadow_timeout", any, "Belongs to a backend"},
    {"max_payload", any, "Has no effect"},
    {"decompress_gzip", any, "Has no effect"},
};

constexpr Key kBackendProxyKeys[] = {
    {"shadow", flag, "Called with a copy of each request; the answer and errors are ignored", "false"},
    {.name = "shadow_timeout", .type = text, .description = "Of the shadows of an endpoint together; default: the endpoint's", .pattern = kDurationPattern},
    {"flatmap_filter", operations, "After target, before group; allow, deny and mapping are not looked at then"},
    {"sequential", any, "Belongs to an endpoint"},
    {"sequential_propagated_params", any, "Belongs to an endpoint"},
    {"combiner", any, "Has no effect"},
    {"static", any, "Belongs to an endpoint"},
};

constexpr Key kHttpKeys[] = {
    {"return_error_code", flag, "A single failing backend's status is the client's", "false"},
    {"return_error_details", text, "Status and body of a failing backend stand under error_<text>; wins over the other"},
};

constexpr Key kHttpClientKeys[] = {
    {"send_body_on_redirect", flag, "307 and 308 are followed with the body", "false"},
    {.name = "max_gzip_ratio", .type = integer, .description = "An answer that grows by more than this when unpacked is refused, beyond 8 MiB; 0: no bound",
     .fallback = "200", .least = 0, .most = 1'000'000},
};

constexpr CoreBlock kBlocks[] = {
    {Level::root, "router", &kRouterBlock},
    {Level::root, "sluice", &kOwnRootBlock},
    {Level::endpoint, "sluice", &kOwnEndpointBlock},
    {Level::backend, "sluice", &kOwnBackendBlock},
    {Level::endpoint, "proxy", &kEndpointProxyBlock},
    {Level::backend, "proxy", &kBackendProxyBlock},
    {Level::backend, "backend/http", &kHttpBlock},
    {Level::backend, "backend/http/client", &kHttpClientBlock},
};

}  // namespace

const Grammar kRootGrammar{"the root", kRootKeys};
const Grammar kEndpointGrammar{"an endpoint", kEndpointKeys};
const Grammar kBackendGrammar{"a backend", kBackendKeys};
const Grammar kRouterBlock{"router", kRouterKeys, false};
const Grammar kEndpointProxyBlock{"proxy of an endpoint", kEndpointProxyKeys, false};
const Grammar kStaticBlock{"static", kStaticKeys, false};
const Grammar kBackendProxyBlock{"proxy of a backend", kBackendProxyKeys, false};
const Grammar kHttpBlock{"backend/http", kHttpKeys, false};
const Grammar kHttpClientBlock{"backend/http/client", kHttpClientKeys, false};

std::span<const CoreBlock> core_blocks() { return kBlocks; }

const Key* Grammar::find(std::string_view key) const {
  for (const Key& k : keys)
    if (k.name == key) return &k;
  return nullptr;
}

}  // namespace sluice::config
