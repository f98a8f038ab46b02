// TlsClientContext: config.md §3.5 turned into an SSL_CTX.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <atomic>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/http/client.h"
#include "core/http/tls_stream.h"

namespace sluice::http {
namespace {

std::string openssl_reason() {
  const char* text = ERR_reason_error_string(ERR_peek_last_error());
  return text ? text : "unknown error";
}

// A PEM file, or a folder of them with the hash names that openssl rehash makes.
int load_ca(SSL_CTX* context, const std::string& path) {
  struct stat what;
  if (::stat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode)) return SSL_CTX_load_verify_dir(context, path.c_str());
  return SSL_CTX_load_verify_file(context, path.c_str());
}

// IANA "TLS Supported Groups" that OpenSSL has.
const char* group_name(int id) {
  switch (id) {
    case 23: return "P-256";
    case 24: return "P-384";
    case 25: return "P-521";
    case 29: return "X25519";
    case 30: return "X448";
    default: return nullptr;
  }
}

void set_groups(SSL_CTX* context, const std::vector<int>& ids, std::vector<std::string>& warnings) {
  std::string list;
  for (int id : ids) {
    const char* name = group_name(id);
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
    const unsigned char wire[2] = {static_cast<unsigned char>(id >> 8), static_cast<unsigned char>(id)};
    const SSL_CIPHER* cipher = probe && id >= 0 && id <= 0xffff ? SSL_CIPHER_find(probe, wire) : nullptr;
    if (!cipher) {
      warnings.push_back("client_tls: unknown cipher suite " + std::to_string(id) + " is left out");
      continue;
    }
    if ((id >> 8) == 0x13) continue;
    list += (list.empty() ? "" : ":") + std::string{SSL_CIPHER_get_name(cipher)};
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
    if (ERR_clear_error(), load_ca(context, file) != 1)
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
  std::string text;
  auto number = [&](int64_t n) { text += std::to_string(n) + ","; };
  auto date = [&](const char* path) {
    struct stat st;
    if (!path || ::stat(path, &st) != 0) return number(-1);
    number(st.st_mtim.tv_sec), number(st.st_mtim.tv_nsec), number(st.st_size);
  };
  auto file = [&](const std::string& path) {
    if (struct stat st; ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) return date(path.c_str());
    auto bytes = read_file(path);
    text += path + "=" + (bytes ? std::to_string(bytes->size()) + ":" + *bytes : "-") + ";";
    if (bytes) OPENSSL_cleanse(bytes->data(), bytes->size());
  };
  number(o.verify), number(o.system_ca), number(o.min_version), number(o.max_version);
  for (int c : o.curves) number(c);
  text += ';';
  for (int c : o.ciphers) number(c);
  if (o.system_ca) date(X509_get_default_cert_file()), date(X509_get_default_cert_dir());
  for (const std::string& f : o.ca_files) file(f);
  for (const auto& [certificate, key] : o.certificates) file(certificate), file(key);
  // Private keys must not lie about in memory a second time.
  std::string digest = sha256(text);
  OPENSSL_cleanse(text.data(), text.size());
  return digest;
}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(ctx_); }

}  // namespace sluice::http
