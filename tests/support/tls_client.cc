#include "tests/support/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sluice::test {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  long n = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<size_t>(n));
  BIO_free(bio);
  return out;
}

}  // namespace

TestCertificate::TestCertificate(const std::string& name, const Options& o) {
  key_ = o.kind == Kind::rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  certificate_ = X509_new();
  X509_set_version(certificate_, 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate_), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600L * 24 * 10);
  X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600L * 24 * o.days);
  X509_set_pubkey(certificate_, key_);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate_), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate_, X509_get_subject_name(o.issuer ? o.issuer->certificate_ : certificate_));
  auto extension = [&](int nid, const char* value) {
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate_, e, -1);
    X509_EXTENSION_free(e);
  };
  extension(NID_basic_constraints, o.authority ? "critical,CA:TRUE" : "CA:FALSE");
  if (!o.alternatives.empty()) extension(NID_subject_alt_name, o.alternatives.c_str());
  X509_sign(certificate_, o.issuer ? o.issuer->key_ : key_, EVP_sha256());
}

TestCertificate::~TestCertificate() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string TestCertificate::pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate_);
  return text_of(bio);
}

std::string TestCertificate::key_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key_, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

TlsClientWire::TlsClientWire(Fd fd, const TlsClientOptions& o, Limit limit)
    : Wire(std::move(fd)), context_(SSL_CTX_new(TLS_client_method())), byte_by_byte_(o.byte_by_byte) {
  SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_security_level(context_, 0);
  if (o.min_version) SSL_CTX_set_min_proto_version(context_, o.min_version);
  if (o.max_version) SSL_CTX_set_max_proto_version(context_, o.max_version);
  if (!o.ciphers.empty() && SSL_CTX_set_cipher_list(context_, o.ciphers.c_str()) != 1) throw Failure("ciphers of a test: " + o.ciphers);
  if (!o.groups.empty() && SSL_CTX_set1_groups_list(context_, o.groups.c_str()) != 1) throw Failure("groups of a test: " + o.groups);
  if (o.certificate) {
    SSL_CTX_use_certificate(context_, const_cast<X509*>(o.certificate->x509()));
    SSL_CTX_use_PrivateKey(context_, o.certificate->key());
  }
  ssl_ = SSL_new(context_);
  in_ = BIO_new(BIO_s_mem()), out_ = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_, in_, out_);
  if (!o.server_name.empty()) SSL_set_tlsext_host_name(ssl_, o.server_name.c_str());
  if (!o.protocols.empty())
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(o.protocols.data()), static_cast<unsigned>(o.protocols.size()));
  if (o.resume) SSL_set_session(ssl_, o.resume);
  try {
    if (run([&] { return SSL_connect(ssl_); }, limit, "TLS handshake") == 0) throw ConnectionLost("TLS handshake: the server closed the connection");
  } catch (...) {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    throw;
  }
}

TlsClientWire::~TlsClientWire() {
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // the session may be resumed
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void TlsClientWire::send_output(Limit limit) {
  char* data = nullptr;
  long n = BIO_get_mem_data(out_, &data);
  std::string bytes(data, n > 0 ? static_cast<size_t>(n) : 0);
  BIO_reset(out_);
  if (!byte_by_byte_) return Wire::write(bytes, limit);
  for (char c : bytes) Wire::write({&c, 1}, limit);
}

// Repeats one OpenSSL call until it is done. 0: the server closed the stream in an orderly way.
template <class Call>
int TlsClientWire::run(Call call, Limit limit, const char* what) {
  for (;;) {
    ERR_clear_error();
    int n = call();
    int why = SSL_get_error(ssl_, n);
    if (n > 0 || why == SSL_ERROR_WANT_READ) send_output(limit);
    if (n > 0) return n;
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (why != SSL_ERROR_WANT_READ) {
      char text[256] = "";
      ERR_error_string_n(ERR_get_error(), text, sizeof text);
      throw ConnectionLost(std::string(what) + ": " + text);
    }
    std::string bytes = Wire::read_some(limit);
    if (bytes.empty()) throw ConnectionLost(std::string(what) + ": the connection was closed without close_notify");
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  }
}

std::string TlsClientWire::read_some(Limit limit) {
  std::string buffer(16384, '\0');
  int n = run([&] { return SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size())); }, limit, "TLS read");
  buffer.resize(static_cast<size_t>(n));
  return buffer;
}

void TlsClientWire::write(std::string_view bytes, Limit limit) {
  if (!bytes.empty()) run([&] { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }, limit, "TLS write");
}

void TlsClientWire::shutdown() {
  SSL_shutdown(ssl_);
  send_output(kLimit);
}

std::string TlsClientWire::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string TlsClientWire::server_common_name() const {
  char name[256] = "";
  if (X509* shown = SSL_get1_peer_certificate(ssl_)) {
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    X509_free(shown);
  }
  return name;
}

std::string TlsClientWire::group() const {
  const char* name = SSL_group_to_name(ssl_, static_cast<int>(SSL_get_negotiated_group(ssl_)));
  return name ? name : "";
}

}  // namespace sluice::test
