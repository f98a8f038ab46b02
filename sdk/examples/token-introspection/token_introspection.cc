// example/token-introspection: asks an authorization server whether the client's bearer token is good (RFC 7662), without
// blocking anybody, and remembers the verdict for a while.
//
//   "extra_config": { "example/token-introspection": { "url": "http://127.0.0.1:9000/introspect", "cache": "30s" } }
//
// What to look at: x.fetch() suspends the request and returns at once; the worker serves others until the answer is there. When
// the client leaves first, the callback is destroyed and never called.
#include <algorithm>
#include <string>

#include <sluice/plugin.hpp>

#include "active.h"

namespace {

using namespace std::chrono_literals;
using sluice::Action;
using sluice::Exchange;
using std::chrono::milliseconds;

// All verdicts together, whoever sends however many tokens: the least recently used are forgotten.
constexpr uint64_t kStoreBytes = 16u << 20;
constexpr size_t kLongestToken = 3072;  // a key of the store has 4096 bytes at most, and the server's URL is part of it

class TokenIntrospection {
 public:
  static constexpr auto name = "example/token-introspection";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 300;  // where tokens are validated: after bot detection, before rate limits
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "example/token-introspection",
  "description": "Lets requests pass whose bearer token an authorization server calls active (RFC 7662).",
  "type": "object",
  "required": ["url"],
  "additionalProperties": false,
  "properties": {
    "url": {"type": "string", "minLength": 1, "description": "The introspection endpoint."},
    "authorization": {"type": "string", "description": "Our own credentials there, such as \"Basic Z3c6c2VjcmV0\"."},
    "timeout": {"type": "string", "default": "500ms", "description": "How long to wait for the verdict."},
    "cache": {"type": "string", "default": "10s", "description": "How long a verdict is trusted; a revoked token passes for that long. \"0s\": ask each time."}
  }
})";

  explicit TokenIntrospection(sluice::Setup& setup)
      : url_{setup.text("url")},
        credentials_{setup.text("authorization", "")},
        timeout_{in_ms(setup, "timeout", 500ms)},
        cache_{in_ms(setup, "cache", 10s)},
        verdicts_{setup.store(kStoreBytes)},
        authorization_{setup.header("Authorization")},
        challenge_{setup.header("WWW-Authenticate")},
        asked_{setup.counter("token_introspection_calls_total", "Verdicts asked for")},
        failed_{setup.counter("token_introspection_failures_total", "Verdicts that did not come")} {
    if (timeout_ <= 0ms) setup.error("timeout", "must be longer than nothing");
    if (cache_ < 0ms) setup.error("cache", "cannot be negative; \"0s\" switches it off");
  }

  Action on_request(Exchange x) const {
    const std::string_view token = bearer_token(x.header(authorization_));
    if (token.empty() || token.size() > kLongestToken) return refuse(x, "Bearer");
    // Another server may think otherwise of the same token, so its URL is part of the key.
    const std::string key = url_ + ' ' + std::string{token};
    if (const auto known = x.read(verdicts_, key)) return judge(x, *known == kActive);

    asked_.add(x);
    sluice::Fetch question{.url = url_, .method = "POST", .timeout = within(x, timeout_), .max_body = 65536};
    const std::string body = "token=" + form_escaped(token);
    question.body = body;  // copied before fetch() returns
    question.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
    if (!credentials_.empty()) question.headers.emplace_back("Authorization", credentials_);
    return x.fetch(question, [this, key](Exchange y, sluice::Reply reply) {
      const auto active = reply.status() == 200 ? example::active_of(reply.body()) : std::nullopt;
      if (!active) {
        // Nobody is let in because the judge is ill. Why goes to the log, not to the client.
        failed_.add(y);
        if (!reply.ok()) return y.fail(503, "token introspection: " + std::string{reply.error()});
        return y.fail(503, "token introspection: status " + std::to_string(reply.status()) + " without a verdict");
      }
      if (cache_ > 0ms) verdicts_.set(key, *active ? kActive : kInactive, cache_);
      return judge(y, *active);
    });
  }

 private:
  static constexpr std::string_view kActive = "+", kInactive = "-";

  static milliseconds in_ms(sluice::Setup& setup, std::string_view key, milliseconds otherwise) {
    return std::chrono::duration_cast<milliseconds>(setup.duration(key, otherwise));
  }

  // A little less than the request still has, so that the client hears from this plugin why it waited in vain.
  static milliseconds within(Exchange x, milliseconds limit) {
    const auto left = x.remaining();
    return left ? std::clamp(*left - 10ms, 1ms, limit) : limit;
  }

  Action judge(Exchange x, bool active) const { return active ? sluice::next : refuse(x, R"(Bearer error="invalid_token")"); }

  Action refuse(Exchange x, std::string_view challenge) const {
    x.response().set_header(challenge_, challenge);
    return x.reply(401, R"({"message":"a valid token is needed"})");
  }

  // "Bearer " in any letter case (RFC 7235 §2.1), then the token.
  static std::string_view bearer_token(std::string_view header) {
    constexpr std::string_view kScheme = "bearer ";
    if (header.size() < kScheme.size()) return {};
    for (size_t i = 0; i < kScheme.size(); ++i) {
      const char c = header[i] >= 'A' && header[i] <= 'Z' ? static_cast<char>(header[i] | 32) : header[i];
      if (c != kScheme[i]) return {};
    }
    header.remove_prefix(std::min(header.find_first_not_of(' ', kScheme.size()), header.size()));
    return header;
  }

  static std::string form_escaped(std::string_view s) {
    constexpr char hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : s) {
      const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
      if (plain) {
        out += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', hex[byte >> 4], hex[byte & 15]};
      }
    }
    return out;
  }

  std::string url_, credentials_;
  milliseconds timeout_, cache_;
  sluice::Store verdicts_;
  sluice::Header authorization_, challenge_;
  sluice::Counter asked_, failed_;
};

}  // namespace

SLC_MIDDLEWARE_PLUGIN("example.token-introspection", "1.0.0", TokenIntrospection)
