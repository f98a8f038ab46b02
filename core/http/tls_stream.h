// One TLS connection without a socket: ciphertext in, plaintext out and the other way, over memory BIOs. Either side can
// use it; the owner moves the bytes. One thread. OpenSSL allocates as it likes: TLS is outside of the no-malloc rule.
#pragma once
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/http/message.h"

namespace sluice::http {

class TlsStream {
 public:
  enum class Step : uint8_t { done, again, failed };
  struct Read {
    enum class End : uint8_t { open, closed, failed };
    size_t size = 0;       // plaintext bytes written
    End end = End::open;   // closed: close_notify came; failed: the connection is no good any more
  };

  // `verify_host`: the name or address literal that the certificate must carry and, for a name, the SNI (RFC 6066 §3).
  // Null: out of memory.
  static std::unique_ptr<TlsStream> client(SSL_CTX*, std::string_view verify_host, SSL_SESSION* resume);
  static std::unique_ptr<TlsStream> server(SSL_CTX*);
  // Before the handshake of a client: HTTP/2, and HTTP/1.1 behind it, as what to speak inside (ALPN).
  void offer_http2(bool or_http1);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Ciphertext from the peer; copied.
  void feed(const char* data, size_t size);
  // Goes on with the handshake. Look at output() whatever it answers: an alert may have to leave.
  Step handshake();
  bool established() const { return established_; }
  // What the two sides agreed to speak inside (RFC 7301); empty: nothing.
  std::string_view protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  bool resumed() const { return SSL_session_reused(ssl_) == 1; }
  // Fills `to` with what can be decrypted now.
  Read read(char* to, size_t room);
  bool has_input() const;  // ciphertext or plaintext is waiting inside
  // Encrypts. Small slices share a record, so that head and body leave together.
  bool write(Slices);
  void shutdown();         // queues close_notify
  // Ciphertext to be sent; valid until the next call. Tell with sent() that it was taken.
  std::string_view output() const;
  void sent();
  // Why it failed: text of the stream, or static.
  std::string_view error() const { return error_; }

  // The newest session that the server offered, or null; the caller's (SSL_SESSION_free). Client, see keep_sessions().
  SSL_SESSION* take_session() { return std::exchange(session_, nullptr); }
  // Makes streams of this context remember the sessions offered.
  static void keep_sessions(SSL_CTX*);

 private:
  explicit TlsStream(SSL* ssl);
  void note_error(int rc);
  static int on_session(SSL*, SSL_SESSION*);
  SSL* ssl_;
  BIO *in_, *out_;  // owned by ssl_
  SSL_SESSION* session_ = nullptr;
  std::string error_;
  bool established_ = false;
};

}  // namespace sluice::http
