// TlsClientContext: config.md §3.5 turned into an SSL_CTX.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>
#include <utility>

#include "core/http/client.h"
#include "core/http/tls_parts.h"
#include "core/http/tls_stream.h"

namespace sluice::http {
namespace {

void set_groups(SSL_CTX* context, const std::vector<int>& ids, std::vector<TlsProblem>& problems) {
  std::string list;
  for (int id : ids) {
    const char* name = tls_group_name(id);
    if (!name) {
      problems.push_back({"curve_preferences", "unknown curve " + std::to_string(id) + " is left out", false});
      continue;
    }
    list += (list.empty() ? "" : ":") + std::string{name};
  }
  if (!list.empty() && SSL_CTX_set1_groups_list(context, list.c_str()) != 1)
    problems.push_back({"curve_preferences", "curves " + list + " cannot be used: " + openssl_reason(), false});
}

// TLS 1.3 suites are not chosen by the list, as in the reference; a list without any TLS 1.2 suite leaves TLS 1.3 only.
void set_ciphers(SSL_CTX* context, const std::vector<int>& ids, std::vector<TlsProblem>& problems) {
  if (ids.empty()) return;
  SSL* probe = SSL_new(context);
  std::string list;
  for (int id : ids) {
    const char* cipher = tls_cipher_name(probe, id);
    if (!cipher) {
      problems.push_back({"cipher_suites", "unknown cipher suite " + std::to_string(id) + " is left out", false});
      continue;
    }
    if (is_tls13_cipher(id)) continue;
    list += (list.empty() ? "" : ":") + std::string{cipher};
  }
  SSL_free(probe);
  if (list.empty() || SSL_CTX_set_cipher_list(context, list.c_str()) != 1) {
    problems.push_back({"cipher_suites", "no usable TLS 1.2 cipher suite is listed; only TLS 1.3 is offered", false});
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  }
}

void set_authorities(SSL_CTX* context, const TlsClientOptions& options, std::vector<TlsProblem>& problems) {
  if (options.system_ca && SSL_CTX_set_default_verify_paths(context) != 1)
    problems.push_back({"", "the system's CA certificates cannot be loaded: " + openssl_reason(), false});
  for (size_t i = 0; i < options.ca_files.size(); ++i)
    if (ERR_clear_error(), load_authorities(context, options.ca_files[i]) != 1)
      problems.push_back({"ca_certs/" + std::to_string(i), "skipped: " + file_trouble(options.ca_files[i], "certificate in PEM form"), false});
}

void set_certificates(SSL_CTX* context, const TlsClientOptions& options, std::vector<TlsProblem>& problems) {
  for (size_t i = 0; i < options.certificates.size(); ++i) {
    const auto& [certificate, key] = options.certificates[i];
    const std::string place = "client_certs/" + std::to_string(i);
    ERR_clear_error();
    // A pair is loaded into a context of its own first: a broken one must not replace a good one of the same kind.
    SSL_CTX* trial = SSL_CTX_new(TLS_client_method());
    const char* trouble = nullptr;  // the member that is to blame
    if (!trial || SSL_CTX_use_certificate_chain_file(trial, certificate.c_str()) != 1) trouble = "certificate";
    else if (SSL_CTX_use_PrivateKey_file(trial, key.c_str(), SSL_FILETYPE_PEM) != 1) trouble = "private_key";
    SSL_CTX_free(trial);
    if (!trouble && SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) == 1)
      continue;
    if (trouble) {
      const bool of_key = std::string_view{trouble} == "private_key";
      problems.push_back({place + "/" + trouble,
                          "the pair is skipped: " + file_trouble(of_key ? key : certificate,
                                                                 of_key ? "private key in PEM form that fits the certificate" : "certificate in PEM form"),
                          false});
    } else {
      problems.push_back({place, "the pair " + certificate + " and " + key + " is skipped: " + openssl_reason(), false});
    }
  }
}

}  // namespace

TlsClientContext::TlsClientContext(TlsClientOptions options) : options_{std::move(options)}, serial_{[] {
  static std::atomic<uint64_t> count{0};
  return ++count;
}()} {}

std::shared_ptr<TlsClientContext> TlsClientContext::create(const TlsClientOptions& options, std::vector<TlsProblem>& problems) {
  std::shared_ptr<TlsClientContext> self{new TlsClientContext{options}};
  std::call_once(self->built_, [&] { self->build(problems); });
  return self->ctx_ ? self : nullptr;
}

std::shared_ptr<TlsClientContext> TlsClientContext::on_first_use() {
  return std::shared_ptr<TlsClientContext>{new TlsClientContext{{}}};
}

ssl_ctx_st* TlsClientContext::native() {
  std::call_once(built_, [this] {
    std::vector<TlsProblem> none;
    build(none);
  });
  return ctx_;
}

void TlsClientContext::build(std::vector<TlsProblem>& problems) {
  SSL_CTX* ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx) return problems.push_back({"", "no TLS context: " + openssl_reason(), false});
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_min_proto_version(ctx, options_.min_version ? options_.min_version : TLS1_2_VERSION);
  if (options_.max_version) SSL_CTX_set_max_proto_version(ctx, options_.max_version);
  set_groups(ctx, options_.curves, problems);
  set_ciphers(ctx, options_.ciphers, problems);
  SSL_CTX_set_verify(ctx, options_.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options_.verify) set_authorities(ctx, options_, problems);
  set_certificates(ctx, options_, problems);
  TlsStream::keep_sessions(ctx);
  ctx_ = ctx;
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
