#include "core/http/tls_server.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/http/tls_parts.h"

namespace sluice::http {
namespace {

// RFC 9113 §9.2.2 forbids most suites of TLS 1.2 to HTTP/2; one of these two everybody has.
constexpr int kEcdheRsaAes128Gcm = 49199, kEcdheEcdsaAes128Gcm = 49195;

// Suites that the reference has and OpenSSL no longer offers: RC4 and 3DES. Nobody is served worse without them.
constexpr int kGivenUp[] = {5, 10, 49159, 49169, 49170};

constexpr char kProtocols[] = "\x02h2\x08http/1.1";  // by preference (RFC 7301 §3.1)

int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered, unsigned length, void*) {
  unsigned char* chosen = nullptr;
  int answer = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(kProtocols), sizeof kProtocols - 1, offered, length);
  *out = chosen;
  // RFC 7301 §3.2: somebody who speaks neither must not be left guessing.
  return answer == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

struct Closer {
  void operator()(BIO* b) const { BIO_free(b); }
};
using File = std::unique_ptr<BIO, Closer>;

}  // namespace

struct TlsServerContext::Identity {
  X509* leaf = nullptr;
  EVP_PKEY* key = nullptr;
  STACK_OF(X509)* chain = nullptr;

  Identity() = default;
  Identity(Identity&& o) noexcept
      : leaf{std::exchange(o.leaf, nullptr)}, key{std::exchange(o.key, nullptr)}, chain{std::exchange(o.chain, nullptr)} {}
  Identity& operator=(Identity&&) = delete;
  ~Identity() {
    X509_free(leaf);
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
  }
  // Subject alternative names alone, as RFC 6125 §6.4.4 and the reference have it.
  bool serves(const char* name) const {
    constexpr unsigned kFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(leaf, name, 0, kFlags, nullptr) == 1;
  }
};

struct TlsServerContext::Builder {
  const TlsServerOptions& options;
  std::vector<TlsProblem>& problems;
  TlsServerContext& out;

  void error(std::string place, std::string text) { problems.push_back({std::move(place), std::move(text), true}); }
  void warning(std::string place, std::string text) { problems.push_back({std::move(place), std::move(text), false}); }

  void identity(const TlsServerOptions::Pair& pair) {
    Identity id;
    // Asking for a pass phrase would wait at a terminal that nobody sits at.
    auto no_phrase = [](char*, int, int, void*) { return -1; };
    ERR_clear_error();
    File certificate{BIO_new_file(pair.certificate.c_str(), "r")};
    if (certificate) id.leaf = PEM_read_bio_X509_AUX(certificate.get(), nullptr, no_phrase, nullptr);
    if (!id.leaf) {
      error(pair.certificate_place, file_trouble(pair.certificate, "certificate in PEM form"));
    } else {
      id.chain = sk_X509_new_null();
      while (X509* next = PEM_read_bio_X509(certificate.get(), nullptr, no_phrase, nullptr)) sk_X509_push(id.chain, next);
      if (unsigned long why = ERR_peek_last_error(); why && ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
        error(pair.certificate_place, pair.certificate + " has a certificate behind the first one that is broken (" + openssl_reason() + ")");
    }
    ERR_clear_error();
    File key{BIO_new_file(pair.key.c_str(), "r")};
    if (key) id.key = PEM_read_bio_PrivateKey(key.get(), nullptr, no_phrase, nullptr);
    if (!id.key) {
      unsigned long why = ERR_peek_last_error();
      bool locked = key && ERR_GET_LIB(why) == ERR_LIB_PEM && (ERR_GET_REASON(why) == PEM_R_BAD_PASSWORD_READ || ERR_GET_REASON(why) == PEM_R_BAD_DECRYPT);
      error(pair.key_place, locked ? pair.key + " is protected by a pass phrase; a key without one is needed (openssl pkey -in … -out …)"
                                   : file_trouble(pair.key, "private key in PEM form"));
    }
    ERR_clear_error();
    if (!id.leaf || !id.key) return;
    if (X509_check_private_key(id.leaf, id.key) != 1) {
      error(pair.key_place, pair.key + " is not the key of the certificate in " + pair.certificate + "; the two files must be a pair");
      ERR_clear_error();
      return;
    }
    if (X509_cmp_current_time(X509_get0_notAfter(id.leaf)) < 0)
      warning(pair.certificate_place, "the certificate in " + pair.certificate + " has expired; clients will refuse it");
    out.identities_.push_back(std::move(id));
  }

  void versions() {
    int min = options.min_version ? options.min_version : TLS1_3_VERSION;
    int max = options.max_version ? options.max_version : TLS1_3_VERSION;
    // OpenSSL signs nothing with SHA-1 at its usual level, without which the old versions cannot begin.
    if (min < TLS1_2_VERSION) SSL_CTX_set_security_level(out.context_, 0);
    SSL_CTX_set_min_proto_version(out.context_, min);
    SSL_CTX_set_max_proto_version(out.context_, max);
  }

  void curves() {
    std::string list;
    for (int id : options.curves) {
      if (const char* name = tls_group_name(id)) list += (list.empty() ? "" : ":") + std::string{name};
      else
        error(options.curves_place, "no curve has the number " + std::to_string(id) +
                                        "; known are 23 (P-256), 24 (P-384), 25 (P-521), 29 (X25519) and 30 (X448)");
    }
    if (!list.empty() && SSL_CTX_set1_groups_list(out.context_, list.c_str()) != 1)
      error(options.curves_place, "the curves " + list + " cannot be used: " + openssl_reason());
  }

  void ciphers() {
    if (options.ciphers.empty()) return;
    std::unique_ptr<SSL, decltype(&SSL_free)> probe{SSL_new(out.context_), SSL_free};
    std::string list;
    bool for_http2 = false;
    for (int id : options.ciphers) {
      for_http2 = for_http2 || id == kEcdheRsaAes128Gcm || id == kEcdheEcdsaAes128Gcm;
      const char* name = tls_cipher_name(probe.get(), id);
      if (!name && std::find(std::begin(kGivenUp), std::end(kGivenUp), id) != std::end(kGivenUp))
        warning(options.ciphers_place, "the cipher suite " + std::to_string(id) + " is broken and no longer offered");
      else if (!name)
        error(options.ciphers_place, "no cipher suite has the number " + std::to_string(id) +
                                         "; usual are 49195, 49196, 49199, 49200, 52392 and 52393, and of TLS 1.3 4865, 4866 and 4867");
      else if (!is_tls13_cipher(id))
        list += (list.empty() ? "" : ":") + std::string{name};
    }
    // TLS 1.3 chooses among its own suites, all of them good: a list for it has no effect, as in the reference.
    if (options.min_version >= TLS1_3_VERSION || options.min_version == 0) return;
    if (!for_http2)
      error(options.ciphers_place, "HTTP/2 needs one of the cipher suites 49199 (ECDHE-RSA-AES128-GCM-SHA256) and 49195 "
                                   "(ECDHE-ECDSA-AES128-GCM-SHA256) below TLS 1.3; add the one of your certificate's kind");
    else if (SSL_CTX_set_cipher_list(out.context_, list.c_str()) != 1)
      error(options.ciphers_place, "the cipher suites " + list + " cannot be used: " + openssl_reason());
  }

  void client_certificates() {
    if (!options.ask_for_certificate) return;
    SSL_CTX_set_verify(out.context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Whatever stands in the pool is trusted, be it signed by somebody else.
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(out.context_), X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE* store = SSL_CTX_get_cert_store(out.context_);
    if (options.system_ca && SSL_CTX_set_default_verify_paths(out.context_) != 1)
      warning(options.ca_place, "the system's authorities cannot be loaded: " + openssl_reason());
    // Clients with several certificates choose by this list; the system's would fill several packets, and no list is any.
    STACK_OF(X509_NAME)* names = options.system_ca ? nullptr : sk_X509_NAME_new_null();
    for (const std::string& file : options.ca_files) {
      ERR_clear_error();
      if (load_authorities(out.context_, file) != 1)  // fewer clients are let in, not more: no reason to refuse the start
        warning(options.ca_place, "skipped: " + file_trouble(file, "certificate in PEM form"));
      else if (names)
        SSL_add_file_cert_subjects_to_stack(names, file.c_str());
    }
    for (size_t i = 0; i < std::min(options.trusted_pairs, out.identities_.size()); ++i) {
      X509_STORE_add_cert(store, out.identities_[i].leaf);
      if (names) sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(out.identities_[i].leaf)));
    }
    if (names) SSL_CTX_set_client_CA_list(out.context_, names);
    ERR_clear_error();
  }
};

namespace {

// Gives the connection every certificate that serves the name, the first of each kind of key: which of the kinds the client
// can check, OpenSSL finds out by itself. Nobody serves it: the first pair.
template <class Identities>
int choose_certificate(SSL* ssl, void* of) {
  const auto& all = *static_cast<const Identities*>(of);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  int kinds[8];
  size_t chosen = 0;
  for (const auto& id : all) {
    if (name && !id.serves(name)) continue;
    int kind = EVP_PKEY_get_base_id(id.key);
    if (chosen == std::size(kinds) || std::find(kinds, kinds + chosen, kind) != kinds + chosen) continue;
    if (SSL_use_cert_and_key(ssl, id.leaf, id.key, id.chain, 1) == 1) kinds[chosen++] = kind;
  }
  if (chosen) return 1;
  return SSL_use_cert_and_key(ssl, all.front().leaf, all.front().key, all.front().chain, 1);
}

}  // namespace

TlsServerContext::TlsServerContext() = default;
TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

std::shared_ptr<TlsServerContext> TlsServerContext::create(const TlsServerOptions& options, std::vector<TlsProblem>& problems) {
  std::shared_ptr<TlsServerContext> self{new TlsServerContext};
  SSL_CTX* ctx = self->context_ = SSL_CTX_new(TLS_server_method());
  if (!ctx) {
    problems.push_back({"", "no TLS context can be made: " + openssl_reason(), true});
    return nullptr;
  }
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_default_passwd_cb(ctx, [](char*, int, int, void*) { return -1; });
  Builder build{options, problems, *self};
  for (const TlsServerOptions::Pair& pair : options.pairs) build.identity(pair);
  build.versions();
  build.curves();
  build.ciphers();
  build.client_certificates();
  if (std::any_of(problems.begin(), problems.end(), [](const TlsProblem& p) { return p.fatal; })) return nullptr;

  if (self->identities_.size() == 1) {
    const Identity& only = self->identities_.front();
    if (SSL_CTX_use_cert_and_key(ctx, only.leaf, only.key, only.chain, 1) != 1) {
      problems.push_back({options.pairs.front().certificate_place, "the certificate cannot be used: " + openssl_reason(), true});
      return nullptr;
    }
  } else {
    SSL_CTX_set_cert_cb(ctx, choose_certificate<std::vector<Identity>>, &self->identities_);
  }
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, nullptr);
  // Sessions live in tickets at the client; a cache here would be a lock between the workers.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 1);
  static constexpr unsigned char kSessionContext[] = "sluice";
  SSL_CTX_set_session_id_context(ctx, kSessionContext, sizeof kSessionContext - 1);
  return self;
}

std::string TlsServerContext::fingerprint(const TlsServerOptions& o) {
  TlsFingerprint print;
  print.number(o.min_version), print.number(o.max_version), print.number(o.ask_for_certificate), print.number(o.system_ca);
  print.numbers(o.curves), print.numbers(o.ciphers);
  print.number(static_cast<int64_t>(o.trusted_pairs));
  for (const TlsServerOptions::Pair& p : o.pairs) print.file(p.certificate), print.file(p.key);
  if (o.ask_for_certificate) {
    if (o.system_ca) print.system_authorities();
    for (const std::string& f : o.ca_files) print.file(f);
  }
  return print.digest();
}

}  // namespace sluice::http
