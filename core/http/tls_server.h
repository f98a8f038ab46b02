// Certificates and rules of the server's TLS (config.md §3.3). Immutable, shared by the workers of a generation and by the
// connections made with it: sessions are resumed on whichever worker the client comes back to.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/http/tls_problem.h"

struct ssl_ctx_st;

namespace sluice::http {

struct TlsServerOptions {
  // PEM files: the certificate first, then those that lead to its authority; the key without a pass phrase.
  struct Pair {
    std::string certificate, key;
    std::string certificate_place, key_place;  // where the configuration names them
  };
  std::vector<Pair> pairs;                     // chosen by the name that the client asks for; the first is the default
  int min_version = 0, max_version = 0;        // OpenSSL's numbers, 0: TLS 1.3
  std::vector<int> curves, ciphers;            // IANA ids; ciphers hold for TLS 1.2 and below
  std::string curves_place, ciphers_place;
  bool ask_for_certificate = false;            // and refuse who has none
  std::vector<std::string> ca_files;           // who signs them
  std::string ca_place;
  size_t trusted_pairs = 0;                    // so many of `pairs` are authorities too
  bool system_ca = true;
};

class TlsServerContext {
 public:
  // nullptr: a fatal problem. Files are read here and never again.
  static std::shared_ptr<TlsServerContext> create(const TlsServerOptions&, std::vector<TlsProblem>&);
  // As that of the client's context.
  static std::string fingerprint(const TlsServerOptions&);
  ~TlsServerContext();
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  ssl_ctx_st* native() const { return context_; }

 private:
  struct Identity;
  struct Builder;
  TlsServerContext();
  ssl_ctx_st* context_ = nullptr;
  std::vector<Identity> identities_;  // more than one: the handshake chooses
};

}  // namespace sluice::http
