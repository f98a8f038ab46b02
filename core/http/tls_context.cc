// TlsClientContext: config.md §3.5 turned into an SSL_CTX.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>

#include "core/http/client.h"
#include "core/http/tls_parts.h"
#include "core/http/tls_stream.h"

namespace sluice::http {
namespace {

void set_groups(SSL_CTX* context, const std::vector<int>& ids, std::vector<std::string>& warnings) {
  std::string list;
  for (int id : ids) {
    const char* name = tls_group_name(id);
    if (!name) {
      warnings.push_back("client_tls: unknown curve " + std::to_string(id) + " is left out");
      continue;
    }
    list += (list.empty() ? "" : ":") + std::string{name};
  }
  if (!list.empty() && SSL_CTX_set1_groups_list(context, list.c_str()) != 1)
    warnings.push_back("client_tls: curves " + list + " cannot be used: " + openssl_reason());
}

// TLS 1.3 suites are not chosen by the list, as in the reference; a list without any TLS 1.2 suite leaves TLS 1.3 only.
void set_ciphers(SSL_CTX* context, const std::vector<int>& ids, std::vector<std::string>& warnings) {
  if (ids.empty()) return;
  SSL* probe = SSL_new(context);
  std::string list;
  for (int id : ids) {
    const char* cipher = tls_cipher_name(probe, id);
    if (!cipher) {
      warnings.push_back("client_tls: unknown cipher suite " + std::to_string(id) + " is left out");
      continue;
    }
    if (is_tls13_cipher(id)) continue;
    list += (list.empty() ? "" : ":") + std::string{cipher};
  }
  SSL_free(probe);
  if (list.empty() || SSL_CTX_set_cipher_list(context, list.c_str()) != 1) {
    warnings.push_back("client_tls: no usable TLS 1.2 cipher suite is listed; only TLS 1.3 is offered");
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  }
}

void set_authorities(SSL_CTX* context, const TlsClientOptions& options, std::vector<std::string>& warnings) {
  if (options.system_ca && SSL_CTX_set_default_verify_paths(context) != 1)
    warnings.push_back("client_tls: the system's CA certificates cannot be loaded: " + openssl_reason());
  for (const std::string& file : options.ca_files)
    if (ERR_clear_error(), load_authorities(context, file) != 1)
      warnings.push_back("client_tls: CA file " + file + " is skipped: " + openssl_reason());
}

void set_certificates(SSL_CTX* context, const TlsClientOptions& options, std::vector<std::string>& warnings) {
  for (const auto& [certificate, key] : options.certificates) {
    ERR_clear_error();
    // A pair is loaded into a context of its own first: a broken one must not replace a good one of the same kind.
    SSL_CTX* trial = SSL_CTX_new(TLS_client_method());
    bool good = trial && SSL_CTX_use_certificate_chain_file(trial, certificate.c_str()) == 1 &&
                SSL_CTX_use_PrivateKey_file(trial, key.c_str(), SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(trial) == 1;
    SSL_CTX_free(trial);
    if (!good || SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
      warnings.push_back("client_tls: certificate " + certificate + " with key " + key + " is skipped: " + openssl_reason());
  }
}

}  // namespace

std::shared_ptr<TlsClientContext> TlsClientContext::create(const TlsClientOptions& options, std::vector<std::string>& warnings) {
  static std::atomic<uint64_t> count{0};
  SSL_CTX* ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx) {
    warnings.push_back("client_tls: no TLS context: " + openssl_reason());
    return nullptr;
  }
  std::shared_ptr<TlsClientContext> self{new TlsClientContext};
  self->ctx_ = ctx;
  self->serial_ = ++count;
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_min_proto_version(ctx, options.min_version ? options.min_version : TLS1_2_VERSION);
  if (options.max_version) SSL_CTX_set_max_proto_version(ctx, options.max_version);
  set_groups(ctx, options.curves, warnings);
  set_ciphers(ctx, options.ciphers, warnings);
  SSL_CTX_set_verify(ctx, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.verify) set_authorities(ctx, options, warnings);
  set_certificates(ctx, options, warnings);
  TlsStream::keep_sessions(ctx);
  return self;
}

std::string TlsClientContext::fingerprint(const TlsClientOptions& o) {
  TlsFingerprint print;
  print.number(o.verify), print.number(o.system_ca), print.number(o.min_version), print.number(o.max_version);
  print.numbers(o.curves), print.numbers(o.ciphers);
  if (o.system_ca) print.system_authorities();
  for (const std::string& f : o.ca_files) print.file(f);
  for (const auto& [certificate, key] : o.certificates) print.file(certificate), print.file(key);
  return print.digest();
}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(ctx_); }

}  // namespace sluice::http
