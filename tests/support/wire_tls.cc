// The TLS wires. OpenSSL works on the non-blocking socket itself; every step waits with the limit given.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "tests/support/wire.h"

namespace sluice::test {
namespace {

std::string openssl_error(const char* what) {
  char text[256] = "";
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return std::string(what) + ": " + text;
}

// OpenSSL writes without MSG_NOSIGNAL.
const auto kNoSigpipe = ::signal(SIGPIPE, SIG_IGN);

class TlsWire final : public Wire {
 public:
  TlsWire(Fd fd, SSL_CTX* context, bool server, Limit limit) : Wire(std::move(fd)), ssl_(SSL_new(context)) {
    SSL_set_fd(ssl_, fd_.get());
    try {
      run([&] { return server ? SSL_accept(ssl_) : SSL_connect(ssl_); }, limit, "TLS handshake");
    } catch (...) {
      SSL_free(ssl_);
      throw;
    }
  }
  ~TlsWire() override {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
  }
  std::string read_some(Limit limit) override {
    std::string buffer(16384, '\0');
    int n = run([&] { return SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size())); }, limit, "TLS read");
    buffer.resize(static_cast<size_t>(n));
    return buffer;
  }
  void write(std::string_view bytes, Limit limit) override {
    if (!bytes.empty()) {
      run([&] { return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())); }, limit, "TLS write");
    }
  }

 private:
  // Repeats one OpenSSL call until it is done. 0: the peer closed the stream in an orderly way.
  template <class Call>
  int run(Call call, Limit limit, const char* what) {
    for (;;) {
      ERR_clear_error();
      int n = call();
      if (n > 0) return n;
      switch (SSL_get_error(ssl_, n)) {
        case SSL_ERROR_ZERO_RETURN: return 0;
        case SSL_ERROR_WANT_READ:
          if (!wait_readable(fd_.get(), limit)) throw TimedOut(what);
          break;
        case SSL_ERROR_WANT_WRITE:
          if (!wait_writable(fd_.get(), limit)) throw TimedOut(what);
          break;
        default: throw ConnectionLost(openssl_error(what));
      }
    }
  }
  SSL* ssl_;
};

void make_nonblocking(const Fd& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

std::unique_ptr<Wire> tls_connect(Fd fd, Limit limit) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> owner(context, &SSL_CTX_free);  // the wire holds its own reference
  make_nonblocking(fd);
  return std::make_unique<TlsWire>(std::move(fd), context, false, limit);
}

TlsServerContext::TlsServerContext(const std::string& certificate_file, const std::string& key_file, const std::string& client_authority_file)
    : context_(SSL_CTX_new(TLS_server_method())) {
  if (SSL_CTX_use_certificate_chain_file(context_, certificate_file.c_str()) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      (!client_authority_file.empty() && SSL_CTX_load_verify_file(context_, client_authority_file.c_str()) != 1)) {
    std::string text = openssl_error("certificate of a fake backend");
    SSL_CTX_free(context_);
    throw Failure(text);
  }
  if (client_authority_file.empty()) return;
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // A client must show its certificate each time: none comes back with a ticket of before.
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

std::unique_ptr<Wire> TlsServerContext::accept(Fd fd, Limit limit) {
  make_nonblocking(fd);
  return std::make_unique<TlsWire>(std::move(fd), context_, true, limit);
}

}  // namespace sluice::test
