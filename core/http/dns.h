// Name resolution on a worker's loop: c-ares, a cache with the records' TTL, lookups of one name joined. One thread.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/loop/loop.h"

namespace sluice::http {

// An IPv4 or IPv6 address; the port is the connector's to set.
union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
  void set_port(uint16_t port) { (any.sa_family == AF_INET6 ? v6.sin6_port : v4.sin_port) = htons(port); }
};
// Address literal (IPv6 without brackets, a zone allowed). False: a name.
bool parse_address(std::string_view text, Address& out);

// Either addresses, at least one and interleaved by family in the order of preference (RFC 8305 §4), or an error text.
struct Addresses {
  std::span<const Address> list;
  std::string_view error;  // empty: list holds; static text
};

struct ResolverOptions {
  std::string servers;         // "ip[:port],…"; empty: the system's (resolv.conf)
  uint32_t min_ttl_ms = 1'000, max_ttl_ms = 300'000;  // bounds of a record's TTL
  uint32_t failure_ttl_ms = 1'000;
  uint32_t max_names = 4096;   // cached
  int timeout_ms = 0, tries = 0;  // of one query; 0: the system's
};

// Names are keyed by what was asked (`A + AAAA of name` now): another record type is another kind of entry.
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
  bool resolve(std::string_view host, Query&, Addresses& out);
  // Forgets all queries and closes the sockets; resolve() then fails.
  void close();
  uint64_t lookups() const;  // that went beyond the cache

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::http
