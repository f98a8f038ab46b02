// `qos/ratelimit/router`: two limits per endpoint. The client limit is asked first and answers 429; then the endpoint limit,
// which answers 503. Both hold for the whole process and go on through reloads: their buckets are the host's.
#include <arpa/inet.h>

#include <algorithm>
#include <cmath>

#include <sluice/plugin.hpp>

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kReason = "rate limit exceded";  // spelt as in the reference: people grep their logs for it

// Beyond what the type holds a conversion is undefined.
int64_t whole(double number) { return static_cast<int64_t>(std::clamp(number, -9e18, 9e18)); }

std::string lower(std::string s) {
  for (char& c : s) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
  }
  return s;
}

std::string_view trim(std::string_view s) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!s.empty() && blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && blank(s.back())) s.remove_suffix(1);
  return s;
}

bool is_ip(std::string_view s) {
  char text[INET6_ADDRSTRLEN];
  if (s.empty() || s.size() >= sizeof text) return false;
  s.copy(text, s.size());
  text[s.size()] = '\0';
  in6_addr address;  // room for both
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

class RouterLimit {
 public:
  static constexpr auto name = "qos/ratelimit/router";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 700;
  static constexpr bool synchronous = true;
  static constexpr auto schema = R"({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "qos/ratelimit/router",
  "description": "Limits the requests to an endpoint: all of them together (503), and those of each client (429).",
  "type": "object",
  "properties": {
    "max_rate": {"type": "number", "description": "Requests per `every`, all clients together. 0: no limit."},
    "capacity": {"type": "number", "minimum": 0, "description": "Largest burst of the endpoint limit. 0: derived from max_rate."},
    "client_max_rate": {"type": "number", "description": "Requests per `every` of each client. 0: no limit."},
    "client_capacity": {"type": "number", "minimum": 0, "description": "Largest burst of each client. 0: derived."},
    "strategy": {"type": "string", "description": "What tells clients apart: ip, header or param."},
    "key": {"type": "string", "description": "Header or parameter name; with strategy ip an optional header holding the address."},
    "every": {"type": "string", "default": "1s", "description": "Window of both rates, at least 1s."},
    "num_shards": {"type": "number", "description": "Accepted for compatibility."},
    "cleanup_period": {"type": "string", "description": "Accepted for compatibility."},
    "cleanup_threads": {"type": "number", "description": "Accepted for compatibility."}
  }
})";

  explicit RouterLimit(sluice::Setup& setup) {
    auto every = std::max<std::chrono::nanoseconds>(setup.duration("every", 1s), 1s);
    const double seconds = std::chrono::duration<double>(every).count();
    const double rate = setup.number("max_rate", 0) / seconds;
    const double client_rate = setup.number("client_max_rate", 0) / seconds;
    double capacity = std::trunc(setup.number("capacity", 0));
    double client_capacity = std::trunc(setup.number("client_capacity", 0));
    const std::string strategy = lower(setup.text("strategy", ""));
    key_ = setup.text("key", "");
    setup.duration("cleanup_period", 1min);
    if (capacity < 0) setup.error("capacity", "must not be negative");
    if (client_capacity < 0) setup.error("client_capacity", "must not be negative");

    // The reference derives both from the endpoint's rate per second: a client limit alone has room for one request.
    if (capacity == 0) capacity = rate < 1 ? 1 : std::trunc(rate);
    if (client_capacity == 0) client_capacity = rate < 1 ? 1 : std::trunc(client_rate);

    if (client_rate > 0) {
      if (strategy == "ip") source_ = key_.empty() ? Source::address : Source::address_header;
      else if (strategy == "header") source_ = Source::header;
      else if (strategy == "param") source_ = Source::param;
      else setup.error("strategy", "a client limit needs one of: ip, header, param");
      if ((source_ == Source::header || source_ == Source::param) && key_.empty()) {
        setup.error("key", "is required with strategy " + strategy);
      } else if (source_ == Source::header || source_ == Source::address_header) {
        header_ = setup.header(key_);
        if (header_ == 0) setup.error("key", "is not a header name");
      }
    }
    if (!setup.ok()) return;
    if (rate <= 0 && client_rate <= 0) {
      setup.nothing();
      return;
    }

    const std::string key = setup.unique_key();
    if (rate > 0) {
      endpoint_ = setup.limiter(key + "/endpoint", std::max(rate, 1e-9), std::max(capacity, 1.0), 0ms);
      setup.log(sluice::Level::debug, "[Ratelimit] Rate limit enabled. MaxRate: ", rate, ", Capacity: ", whole(capacity));
    }
    if (source_ != Source::none) {
      // A client unseen for so long starts again with a full bucket; longer windows must outlive their own length.
      const auto idle = every > 10min ? every + every / 4 : std::chrono::nanoseconds{10min};
      clients_ = setup.limiter(key + "/client", std::max(client_rate, 1e-9), std::max(client_capacity, 1.0),
                               std::chrono::duration_cast<std::chrono::milliseconds>(idle));
      setup.log(sluice::Level::debug, "[Ratelimit] Rate limit enabled. Strategy: ", strategy, " (key: ", key_, "), MaxRate: ", client_rate,
                ", Capacity: ", whole(client_capacity));
    }
    if ((rate > 0 && !endpoint_) || (source_ != Source::none && !clients_)) setup.error("", "the gateway could not make the limiter");
    rejected_ = setup.counter("ratelimit_router_rejected_total", "Requests refused by the endpoint's limit");
    client_rejected_ = setup.counter("ratelimit_router_client_rejected_total", "Requests refused by a client's limit");
  }

  sluice::Action on_request(sluice::Exchange x) const {
    if (clients_) {
      const std::string_view client = client_of(x);
      // Nobody to count for: refused, as a limit that lets unknown clients pass protects nothing.
      if (client.empty() || !clients_.take(client)) {
        client_rejected_.add(x);
        return x.fail(429, kReason);
      }
    }
    if (endpoint_ && !endpoint_.take()) {
      rejected_.add(x);
      return x.fail(503, kReason);
    }
    return sluice::next;
  }

 private:
  enum class Source { none, address, address_header, header, param };

  std::string_view client_of(const sluice::Exchange& x) const {
    switch (source_) {
      case Source::header: return x.header(header_);
      case Source::param: return x.param(key_);
      case Source::address_header: {
        // Text before the first comma and then before the first colon: "1.2.3.4:5678" works, an IPv6 address does not and
        // falls back, as in the reference.
        std::string_view s = x.header(header_);
        s = trim(s.substr(0, s.find(',')));
        s = s.substr(0, s.find(':'));
        return is_ip(s) ? s : x.client_ip();
      }
      default: return x.client_ip();
    }
  }

  Source source_ = Source::none;
  std::string key_;
  sluice::Header header_ = 0;
  sluice::Limiter endpoint_, clients_;
  sluice::Counter rejected_, client_rejected_;
};

}  // namespace

SLC_PLUGIN("sluice.ratelimit-router", "1.0.0", RouterLimit)
