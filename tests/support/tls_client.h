// A TLS client with every knob a test wants, and the certificates that go with it.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "tests/support/wire.h"

namespace sluice::test {

// A key and a certificate, self-signed or signed by `issuer`.
class TestCertificate {
 public:
  enum class Kind { ecdsa, rsa };
  struct Options {
    std::string alternatives{};  // such as "DNS:a.test,IP:127.0.0.1"
    const TestCertificate* issuer = nullptr;
    bool authority = false;
    Kind kind = Kind::ecdsa;
    int days = 1;                // negative: it has expired
  };
  TestCertificate(const std::string& name, const Options& options);
  ~TestCertificate();
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;
  std::string pem() const;
  std::string key_pem() const;
  const X509* x509() const { return certificate_; }
  EVP_PKEY* key() const { return key_; }

 private:
  EVP_PKEY* key_ = nullptr;
  X509* certificate_ = nullptr;
};

struct TlsClientOptions {
  std::string server_name{};                      // SNI
  std::string protocols{};                        // ALPN in wire form: "\x02h2"
  int min_version = 0, max_version = 0;
  std::string ciphers{}, groups{};
  const TestCertificate* certificate = nullptr;   // shown when asked for
  SSL_SESSION* resume = nullptr;
  bool byte_by_byte = false;                      // each byte to the server is a write of its own
};

// Checks nothing about the server. Throws ConnectionLost with the alert when the handshake fails.
class TlsClientWire final : public Wire {
 public:
  TlsClientWire(Fd fd, const TlsClientOptions& options = {}, Limit limit = kLimit);
  ~TlsClientWire() override;
  std::string read_some(Limit limit) override;
  void write(std::string_view bytes, Limit limit) override;
  void shutdown();                           // close_notify
  std::string protocol() const;              // of ALPN
  std::string server_common_name() const;    // of the certificate's subject
  std::string version() const { return SSL_get_version(ssl_); }
  std::string cipher() const { return SSL_get_cipher_name(ssl_); }
  std::string group() const;
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  SSL_SESSION* session() const { return SSL_get1_session(ssl_); }  // the caller's; good when an answer was read

 private:
  template <class Call>
  int run(Call call, Limit limit, const char* what);
  void send_output(Limit limit);
  SSL_CTX* context_;
  SSL* ssl_;
  BIO *in_, *out_;  // of ssl_
  bool byte_by_byte_;
};

}  // namespace sluice::test
