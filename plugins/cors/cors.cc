// `security/cors`: outermost of everything, so that browsers find its headers on every answer, whoever gave it. A pre-flight is
// answered here; any other request always goes on, because CORS protects the user of a browser and not the server.
#include <algorithm>

#include <sluice/plugin.hpp>

#include "origins.h"

namespace {

using namespace std::chrono_literals;

class Cors {
 public:
  static constexpr auto name = "security/cors";
  static constexpr const char* aliases[] = {"github_com/devopsfaith/krakend-cors"};
  static constexpr auto scopes = sluice::scope::service;
  static constexpr int32_t stage = 100;
  static constexpr bool synchronous = true;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "security/cors",
  "description": "Cross-origin resource sharing: answers pre-flight requests and adds the headers by which browsers let other sites read answers.",
  "type": "object",
  "properties": {
    "allow_origins": {"type": "array", "items": {"type": "string"}, "description": "Origins, each with at most one *. None or \"*\": all."},
    "allow_methods": {"type": "array", "items": {"type": "string"}, "description": "Methods, as written. None: GET, POST, HEAD. OPTIONS is always allowed."},
    "allow_headers": {"type": "array", "items": {"type": "string"}, "description": "Request headers. None or \"*\": all."},
    "expose_headers": {"type": "array", "items": {"type": "string"}, "description": "Response headers that scripts may read."},
    "allow_credentials": {"type": "boolean", "default": false, "description": "Requests may carry cookies and authorization."},
    "allow_private_network": {"type": "boolean", "default": false, "description": "Answers pre-flights of private network access."},
    "max_age": {"type": "string", "description": "How long a browser may keep the answer of a pre-flight, such as \"6h\"."},
    "options_passthrough": {"type": "boolean", "default": false, "description": "Pre-flights go on to the router."},
    "options_success_status": {"type": "integer", "default": 204, "description": "Status of an answered pre-flight."},
    "debug": {"type": "boolean", "default": false, "description": "Logs each decision at DEBUG."}
  }
})";

  explicit Cors(sluice::Setup& setup) {
    read_origins(setup);
    methods_ = setup.texts("allow_methods");
    if (methods_.empty()) methods_ = {"GET", "POST", "HEAD"};
    for (const std::string& h : setup.texts("allow_headers")) {
      if (h == "*") any_header_ = true;
      headers_.push_back(cors::lower(h));
    }
    if (headers_.empty()) any_header_ = true;
    read_exposed(setup);
    credentials_ = setup.boolean("allow_credentials", false);
    private_network_ = setup.boolean("allow_private_network", false);
    passthrough_ = setup.boolean("options_passthrough", false);
    debug_ = setup.boolean("debug", false);
    // Whole seconds; 0 sends no header, a negative age says that nothing may be kept.
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(setup.duration("max_age", 0ns)).count();
    if (age != 0) max_age_ = std::to_string(std::max<int64_t>(age, 0));
    const int64_t status = setup.integer("options_success_status", 204);
    if (status != 0 && (status < 200 || status > 599)) setup.error("options_success_status", "must be from 200 to 599");
    status_ = status == 0 ? 204 : static_cast<int>(status);
    vary_preflight_ = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    if (private_network_) vary_preflight_ += ", Access-Control-Request-Private-Network";

    vary_id_ = setup.header("Vary");
    origin_id_ = setup.header("Origin");
    request_method_id_ = setup.header("Access-Control-Request-Method");
    request_headers_id_ = setup.header("Access-Control-Request-Headers");
    request_private_id_ = setup.header("Access-Control-Request-Private-Network");
    allow_origin_id_ = setup.header("Access-Control-Allow-Origin");
    allow_methods_id_ = setup.header("Access-Control-Allow-Methods");
    allow_headers_id_ = setup.header("Access-Control-Allow-Headers");
    allow_credentials_id_ = setup.header("Access-Control-Allow-Credentials");
    allow_private_id_ = setup.header("Access-Control-Allow-Private-Network");
    max_age_id_ = setup.header("Access-Control-Max-Age");
    expose_id_ = setup.header("Access-Control-Expose-Headers");
    if (setup.ok()) setup.log(sluice::Level::debug, "[CORS] Enabled CORS for all requests");
  }

  sluice::Action on_request(sluice::Exchange x) const {
    // Decided on the request as it came: what is inside may change it.
    auto& d = x.make<Decision>();
    d.origin = x.header(origin_id_);
    const std::string_view wanted = x.header(request_method_id_);
    d.preflight = x.method() == "OPTIONS" && !wanted.empty();
    d.method = d.preflight ? wanted : x.method();
    if (d.preflight) {
      d.headers = x.header(request_headers_id_);
      d.private_network = private_network_ && x.header(request_private_id_) == "true";
    }
    const char* refused = refusal(d);
    d.allowed = refused == nullptr;
    if (debug_)
      x.log(sluice::Level::debug, "[CORS] ", d.preflight ? "pre-flight " : "request ", d.method, " from \"", d.origin, "\": ", refused ? refused : "allowed");
    if (d.preflight && !passthrough_) {
      // Also when it is refused: the browser looks for the headers, not at the status.
      add_headers(x, d);
      return x.reply(status_);
    }
    x.raw_slot() = &d;
    return sluice::next;
  }

  sluice::Action on_response(sluice::Exchange x) const {
    if (const auto* d = static_cast<const Decision*>(x.raw_slot())) add_headers(x, *d);
    return sluice::next;
  }

 private:
  // In the exchange's memory; the views live as long as the exchange.
  struct Decision {
    std::string_view origin, method, headers;
    bool preflight = false, allowed = false, private_network = false;
  };

  void read_origins(sluice::Setup& setup) {
    setup.each("allow_origins", [&](sluice::Setup item) {
      const sluice::Value v = item.value();
      if (!v.is_string()) return item.error("", sluice::Setup::expected("a string", v));
      const std::string_view entry = v.text();
      if (entry.find('*') != entry.rfind('*')) item.warning("", "only the first * stands for any text; this origin will hardly match");
      origins_.add(entry);
    });
    if (origins_.empty()) origins_.add("*");
  }

  void read_exposed(sluice::Setup& setup) {
    for (const std::string& h : setup.texts("expose_headers")) {
      if (setup.header(h) == 0) setup.error("expose_headers", '"' + h + "\" is not a header name");
      if (!expose_.empty()) expose_ += ", ";
      // X-Total, however it is written: the first letter of each word is a capital.
      bool first = true;
      for (const char c : cors::lower(h)) {
        expose_ += first && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        first = c == '-';
      }
    }
  }

  bool method_allowed(std::string_view m) const { return m == "OPTIONS" || std::find(methods_.begin(), methods_.end(), m) != methods_.end(); }

  bool header_allowed(std::string_view h) const {
    return std::any_of(headers_.begin(), headers_.end(), [&](const std::string& one) { return cors::same(h, one); });
  }

  // nullptr: allowed.
  const char* refusal(const Decision& d) const {
    if (d.origin.empty()) return "no origin";
    if (!origins_.allow(d.origin)) return "origin not allowed";
    if (!method_allowed(d.method)) return "method not allowed";
    // The reference wants the list as browsers send it (lower-case, sorted); any other form of it means the same.
    if (!any_header_ && !cors::every_item(d.headers, [&](std::string_view h) { return header_allowed(h); })) return "header not allowed";
    return nullptr;
  }

  // Before what a backend sent under the same names: those lines stay.
  void add_headers(const sluice::Exchange& x, const Decision& d) const {
    const sluice::Message m = x.response();
    m.put_header_first(vary_id_, d.preflight ? std::string_view{vary_preflight_} : "Origin");
    if (!d.allowed) return;
    m.put_header_first(allow_origin_id_, origins_.any() ? "*" : d.origin);
    if (credentials_) m.put_header_first(allow_credentials_id_, "true");
    if (!d.preflight) {
      if (!expose_.empty()) m.put_header_first(expose_id_, expose_);
      return;
    }
    m.put_header_first(allow_methods_id_, d.method);
    if (!d.headers.empty()) m.put_header_first(allow_headers_id_, d.headers);
    if (d.private_network) m.put_header_first(allow_private_id_, "true");
    if (!max_age_.empty()) m.put_header_first(max_age_id_, max_age_);
  }

  cors::Origins origins_;
  std::vector<std::string> methods_, headers_;  // headers: lower-case
  bool any_header_ = false, credentials_ = false, private_network_ = false, passthrough_ = false, debug_ = false;
  int status_ = 204;
  std::string max_age_, expose_, vary_preflight_;
  sluice::Header vary_id_, origin_id_, request_method_id_, request_headers_id_, request_private_id_, allow_origin_id_, allow_methods_id_,
      allow_headers_id_, allow_credentials_id_, allow_private_id_, max_age_id_, expose_id_;
};

}  // namespace

SLC_PLUGIN("sluice.cors", "1.0.0", Cors)
