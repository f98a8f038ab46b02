// Name resolution on a worker's loop: c-ares, a cache with the records' TTL, lookups of one name joined. One thread.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/loop/loop.h"

namespace sluice::http {

// An IPv4 or IPv6 address; the port is the connector's to set.
union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  void set_port(uint16_t port) { (any.sa_family == AF_INET6 ? v6.sin6_port : v4.sin_port) = htons(port); }
};
std::string to_text(const Address&);  // without port
// Address literal (IPv6 without brackets, a zone allowed). False: a name.
bool parse_address(std::string_view text, Address& out);

// One SRV record (RFC 2782).
struct Service {
  std::string target;  // a host name
  uint16_t port = 0, priority = 0, weight = 0;
};

// Either addresses, at least one and interleaved by family in the order of preference (RFC 8305 §4), or services, at least
// one and ordered by priority, or an error text.
struct Addresses {
  std::span<const Address> list{};
  std::string_view error{};  // empty: list (services) holds; static text
  std::span<const Service> services{};
  uint32_t ttl_ms = 0;       // how long this answer holds
  bool no_such_name = false, timed_out = false;  // what the error was
};

// The SRV records of a DNS message (RFC 1035 §4), ordered by priority, and the least of their times to live. False: it is
// malformed. No record is no failure.
bool parse_services(std::string_view message, std::vector<Service>& out, uint32_t* ttl_seconds);

struct ResolverOptions {
  std::string servers;         // "ip[:port],…"; empty: those of $SLUICE_DNS_SERVERS, else the system's (resolv.conf)
  uint32_t min_ttl_ms = 1'000, max_ttl_ms = 300'000;  // bounds of a record's TTL
  uint32_t failure_ttl_ms = 1'000;
  uint32_t max_names = 4096;   // cached
  int timeout_ms = 0, tries = 0;  // of one query; 0: the system's
};

// Entries are keyed by what was asked: addresses (A and AAAA) of a name, or its services (SRV).
class Resolver {
 public:
  // One caller's wish. Destroying it forgets the wish; the lookup itself goes on for the cache.
  class Query {
   public:
    // On the loop, never from inside resolve(). `Addresses` lives until the call returns. May destroy the query.
    virtual void on_resolved(const Addresses&) noexcept = 0;
    void forget();
    Query() = default;
    virtual ~Query() { forget(); }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

   private:
    friend class Resolver;
    Query *prev_ = nullptr, *next_ = nullptr;  // ring with the entry's sentinel
  };

  Resolver(loop::Loop&, const ResolverOptions&);
  ~Resolver();  // after close()
  // True: `out` holds the answer (a literal or cached), valid until the next call on the resolver. False: later.
  bool resolve(std::string_view host, Query& q, Addresses& out) { return resolve(host, false, q, out); }
  bool resolve(std::string_view name, bool services, Query&, Addresses& out);
  // Forgets all queries and closes the sockets; resolve() then fails.
  void close();
  uint64_t lookups() const;  // that went beyond the cache

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
