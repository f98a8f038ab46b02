// `security/http`: host check, redirect to HTTPS, and the response headers that protect users of browsers. Inside CORS and outside
// of everything that the router finds; what it refuses or redirects itself carries none of its headers.
#include <stdlib.h>

#include <algorithm>
#include <memory>

#include <re2/re2.h>
#include <sluice/plugin.hpp>

#include "redirect.h"

namespace {

bool same(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return low(x) == low(y); });
}

// 16 random bytes in base64 without padding: what a nonce of a Content-Security-Policy is to have at least (CSP 3 §2.3.1).
constexpr size_t kNonceSize = 22;
void write_nonce(char* out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned char bytes[18] = {};  // two zeroes behind fill the last group
  arc4random_buf(bytes, 16);
  for (size_t i = 0; i < kNonceSize; ++i) {
    const size_t bit = i * 6;
    const unsigned pair = static_cast<unsigned>(bytes[bit / 8] << 8) | bytes[bit / 8 + 1];
    out[i] = kDigits[(pair >> (10 - bit % 8)) & 63];
  }
}

class HttpSecurity {
 public:
  static constexpr auto name = "security/http";
  static constexpr const char* aliases[] = {"github_com/devopsfaith/krakend-httpsecure"};
  static constexpr auto scopes = sluice::scope::service;
  static constexpr int32_t stage = 300;
  static constexpr bool synchronous = true;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "security/http",
  "description": "Checks the host of requests, sends plain HTTP to HTTPS, and adds the response headers that protect users of browsers.",
  "type": "object",
  "properties": {
    "allowed_hosts": {"type": "array", "items": {"type": "string"}, "description": "Hosts that are served, port included. None: all."},
    "allowed_hosts_are_regex": {"type": "boolean", "default": false, "description": "The entries are regular expressions for the whole host."},
    "host_proxy_headers": {"type": "array", "items": {"type": "string"}, "description": "Request headers that may hold the host that the client asked for."},
    "ssl_redirect": {"type": "boolean", "default": false, "description": "Plain HTTP is redirected to HTTPS."},
    "ssl_host": {"type": "string", "description": "Host of that redirect. None: the one asked for."},
    "ssl_proxy_headers": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Headers and their values by which a proxy tells that the client used HTTPS."},
    "sts_seconds": {"type": "integer", "minimum": 0, "default": 0, "description": "max-age of Strict-Transport-Security. 0: no header."},
    "sts_include_subdomains": {"type": "boolean", "default": false, "description": "Strict-Transport-Security holds for subdomains, too."},
    "force_sts_header": {"type": "boolean", "default": false, "description": "Strict-Transport-Security on plain HTTP, too."},
    "frame_deny": {"type": "boolean", "default": false, "description": "X-Frame-Options: DENY."},
    "custom_frame_options_value": {"type": "string", "description": "Another X-Frame-Options."},
    "content_type_nosniff": {"type": "boolean", "default": false, "description": "X-Content-Type-Options: nosniff."},
    "browser_xss_filter": {"type": "boolean", "default": false, "description": "X-XSS-Protection: 1; mode=block."},
    "content_security_policy": {"type": "string", "description": "Content-Security-Policy; $NONCE in it becomes 'nonce-…', new for each answer."},
    "referrer_policy": {"type": "string", "description": "Referrer-Policy."},
    "is_development": {"type": "boolean", "default": false, "description": "No host check, no redirect, no Strict-Transport-Security."}
  }
})";

  explicit HttpSecurity(sluice::Setup& setup) {
    const bool development = setup.boolean("is_development", false);
    read_hosts(setup);
    setup.each("host_proxy_headers", [&](sluice::Setup item) { host_headers_.push_back(header_name(item, "", item.value().text())); });
    setup.each("ssl_proxy_headers", [&](std::string_view key, sluice::Setup item) {
      https_marks_.emplace_back(header_name(item, "", key), std::string{item.value().text()});
      if (!item.value().is_string()) item.error("", sluice::Setup::expected("a string", item.value()));
    });
    redirect_ = setup.boolean("ssl_redirect", false);
    ssl_host_ = setup.text("ssl_host", "");
    const int64_t seconds = setup.integer("sts_seconds", 0);
    if (seconds < 0) setup.error("sts_seconds", "must not be negative");
    const bool subdomains = setup.boolean("sts_include_subdomains", false);
    force_sts_ = setup.boolean("force_sts_header", false);
    if (seconds > 0) sts_ = "max-age=" + std::to_string(seconds) + (subdomains ? "; includeSubDomains" : "");

    const std::string frame = setup.text("custom_frame_options_value", "");
    const bool deny = setup.boolean("frame_deny", false);
    header_if(setup, "custom_frame_options_value", "X-Frame-Options", frame.empty() && deny ? "DENY" : frame);
    header_if(setup, "", "X-Content-Type-Options", setup.boolean("content_type_nosniff", false) ? "nosniff" : "");
    header_if(setup, "", "X-XSS-Protection", setup.boolean("browser_xss_filter", false) ? "1; mode=block" : "");
    header_if(setup, "referrer_policy", "Referrer-Policy", setup.text("referrer_policy", ""));
    read_policy(setup);

    sts_id_ = setup.header("Strict-Transport-Security");
    policy_id_ = setup.header("Content-Security-Policy");
    nosniff_id_ = setup.header("X-Content-Type-Options");
    location_id_ = setup.header("Location");
    if (development) {
      hosts_.clear(), host_patterns_.clear();
      redirect_ = false;
      sts_.clear();
    }
    if (!setup.ok()) return;
    if (hosts_.empty() && host_patterns_.empty() && !redirect_ && sts_.empty() && fixed_.empty() && policy_.empty()) setup.nothing();
    setup.log(sluice::Level::debug, "[HTTPsecure] Successfully loaded module");
  }

  sluice::Action on_request(sluice::Exchange x) const {
    const std::string_view host = host_of(x);
    if (!host_allowed(host)) {
      x.response().set_header(nosniff_id_, "nosniff");
      return x.reply(500, "Bad Host\n", "text/plain; charset=utf-8");
    }
    const bool https = (redirect_ || !sts_.empty()) && is_https(x);
    if (redirect_ && !https) return send_to_https(x, host);
    // For on_response: what is inside may change the request.
    x.raw_slot() = https || force_sts_ ? const_cast<HttpSecurity*>(this) : nullptr;
    return sluice::next;
  }

  sluice::Action on_response(sluice::Exchange x) const {
    // Before what a backend sent under the same names: those lines stay.
    const sluice::Message m = x.response();
    for (const auto& [id, value] : fixed_) m.put_header_first(id, value);
    if (!policy_.empty()) m.put_header_first(policy_id_, policy(x));
    if (!sts_.empty() && x.raw_slot()) m.put_header_first(sts_id_, sts_);
    return sluice::next;
  }

 private:
  static sluice::Header header_name(sluice::Setup& setup, std::string_view key, std::string_view text) {
    const sluice::Header id = setup.header(text);
    if (id == 0) setup.error(key, '"' + std::string{text} + "\" is not a header name");
    return id;
  }

  static bool printable(std::string_view v) {  // RFC 9110 §5.5
    return std::all_of(v.begin(), v.end(), [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 127; });
  }

  void header_if(sluice::Setup& setup, std::string_view key, std::string_view header, std::string value) {
    if (value.empty()) return;
    if (!printable(value)) setup.error(key, "is no header value: it has control characters");
    fixed_.emplace_back(setup.header(header), std::move(value));
  }

  void read_hosts(sluice::Setup& setup) {
    const bool patterns = setup.boolean("allowed_hosts_are_regex", false);
    setup.each("allowed_hosts", [&](sluice::Setup item) {
      const sluice::Value v = item.value();
      if (!v.is_string()) return item.error("", sluice::Setup::expected("a string", v));
      if (!patterns) return static_cast<void>(hosts_.emplace_back(v.text()));
      auto compiled = std::make_unique<re2::RE2>(re2::StringPiece{v.text().data(), v.text().size()}, re2::RE2::Quiet);
      if (!compiled->ok()) return item.error("", "is not a regular expression: " + compiled->error());
      host_patterns_.push_back(std::move(compiled));
    });
  }

  // Pieces between the places of the nonce.
  void read_policy(sluice::Setup& setup) {
    constexpr std::string_view kMark = "$NONCE";
    const std::string text = setup.text("content_security_policy", "");
    if (!printable(text)) setup.error("content_security_policy", "is no header value: it has control characters");
    if (text.empty()) return;
    size_t from = 0;
    for (size_t at; (at = text.find(kMark, from)) != text.npos; from = at + kMark.size()) policy_.push_back(text.substr(from, at - from));
    policy_.push_back(text.substr(from));
  }

  std::string_view policy(const sluice::Exchange& x) const {
    if (policy_.size() == 1) return policy_[0];
    char nonce[kNonceSize];
    write_nonce(nonce);
    std::string out = policy_[0];
    for (size_t i = 1; i < policy_.size(); ++i) out.append("'nonce-").append(nonce, kNonceSize).append("'").append(policy_[i]);
    return x.copy(out);
  }

  std::string_view host_of(const sluice::Exchange& x) const {
    for (const sluice::Header h : host_headers_)
      if (const std::string_view v = x.header(h); !v.empty()) return v;
    return x.host();
  }

  bool host_allowed(std::string_view host) const {
    if (hosts_.empty() && host_patterns_.empty()) return true;
    for (const std::string& h : hosts_)
      if (same(h, host)) return true;
    for (const auto& p : host_patterns_)
      if (re2::RE2::FullMatch(re2::StringPiece{host.data(), host.size()}, *p)) return true;
    return false;
  }

  bool is_https(const sluice::Exchange& x) const {
    if (x.scheme() == "https") return true;
    return std::any_of(https_marks_.begin(), https_marks_.end(), [&](const auto& mark) { return x.header(mark.first) == mark.second; });
  }

  sluice::Action send_to_https(const sluice::Exchange& x, std::string_view host) const {
    const std::string url = http_security::https_url(ssl_host_.empty() ? host : std::string_view{ssl_host_}, x.path(), x.query());
    x.response().set_header(location_id_, url);
    if (x.method() == "GET" || x.method() == "HEAD") return x.reply(301, http_security::moved_page(url), "text/html; charset=utf-8");
    return x.reply(301);
  }

  std::vector<std::string> hosts_;
  std::vector<std::unique_ptr<re2::RE2>> host_patterns_;
  std::vector<sluice::Header> host_headers_;
  std::vector<std::pair<sluice::Header, std::string>> https_marks_, fixed_;
  std::vector<std::string> policy_;  // empty: no policy
  bool redirect_ = false, force_sts_ = false;
  std::string ssl_host_, sts_;
  sluice::Header sts_id_, policy_id_, nosniff_id_, location_id_;
};

}  // namespace

SLC_PLUGIN("sluice.http-security", "1.0.0", HttpSecurity)
