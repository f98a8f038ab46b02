#include "core/http/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "core/http/dns.h"

namespace sluice::http {
namespace {

constexpr size_t kRecord = 16 * 1024;  // RFC 8446 §5.1

}  // namespace

TlsStream::TlsStream(SSL* ssl) : ssl_{ssl}, in_{BIO_new(BIO_s_mem())}, out_{BIO_new(BIO_s_mem())} {
  // An empty memory BIO means "later", not end of file.
  BIO_set_mem_eof_return(in_, -1);
  BIO_set_mem_eof_return(out_, -1);
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_set_app_data(ssl_, reinterpret_cast<char*>(this));
}

TlsStream::~TlsStream() {
  if (session_) SSL_SESSION_free(session_);
  // OpenSSL spoils the session of a connection that ends without close_notify; who needs that notice looks for it itself.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

std::unique_ptr<TlsStream> TlsStream::client(SSL_CTX* context, std::string_view host, SSL_SESSION* resume) {
  SSL* ssl = SSL_new(context);
  if (!ssl) return nullptr;
  std::unique_ptr<TlsStream> t{new TlsStream{ssl}};
  std::string name{host};
  if (name.ends_with('.')) name.pop_back();  // RFC 6066 §3: no trailing dot
  Address literal;
  bool ok;
  if (parse_address(name, literal)) {
    ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.substr(0, name.find('%')).c_str()) == 1;
  } else {
    // RFC 6125 §6.4.4: the subject's common name is no longer looked at.
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    ok = SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 && SSL_set1_host(ssl, name.c_str()) == 1;
  }
  if (!ok) return nullptr;
  if (resume) SSL_set_session(ssl, resume);
  SSL_set_connect_state(ssl);
  return t;
}

void TlsStream::offer_http2(bool or_http1) {
  static constexpr unsigned char kNames[] = "\x02h2\x08http/1.1";  // RFC 7301 §3.1
  SSL_set_alpn_protos(ssl_, kNames, or_http1 ? sizeof kNames - 1 : 3);
}

std::unique_ptr<TlsStream> TlsStream::server(SSL_CTX* context) {
  SSL* ssl = SSL_new(context);
  if (!ssl) return nullptr;
  SSL_set_accept_state(ssl);
  return std::unique_ptr<TlsStream>{new TlsStream{ssl}};
}

void TlsStream::keep_sessions(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_session);
}

int TlsStream::on_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = reinterpret_cast<TlsStream*>(SSL_get_app_data(ssl));
  if (!self || !SSL_SESSION_is_resumable(session)) return 0;
  if (self->session_) SSL_SESSION_free(self->session_);
  self->session_ = session;
  return 1;  // ours now
}

void TlsStream::feed(const char* data, size_t size) {
  while (size) {
    int n = BIO_write(in_, data, static_cast<int>(std::min<size_t>(size, 1 << 30)));
    if (n <= 0) return;
    data += n, size -= static_cast<size_t>(n);
  }
}

void TlsStream::note_error(int rc) {
  unsigned long code = ERR_peek_last_error();
  long verdict = SSL_get_verify_result(ssl_);
  if (verdict != X509_V_OK && !established_ && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE) {
    error_ = X509_verify_cert_error_string(verdict);
  } else if (code) {
    char text[160];
    ERR_error_string_n(code, text, sizeof text);
    const char* reason = ERR_reason_error_string(code);
    error_ = reason ? reason : text;
  } else {
    error_ = rc == SSL_ERROR_SYSCALL ? "connection broken" : "TLS failure";
  }
}

TlsStream::Step TlsStream::handshake() {
  if (established_) return Step::done;
  ERR_clear_error();
  int n = SSL_do_handshake(ssl_);
  if (n == 1) {
    established_ = true;
    return Step::done;
  }
  int why = SSL_get_error(ssl_, n);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return Step::again;
  note_error(why);
  return Step::failed;
}

TlsStream::Read TlsStream::read(char* to, size_t room) {
  Read r;
  while (r.size < room) {
    ERR_clear_error();
    int n = SSL_read(ssl_, to + r.size, static_cast<int>(std::min<size_t>(room - r.size, 1 << 30)));
    if (n > 0) {
      r.size += static_cast<size_t>(n);
      continue;
    }
    int why = SSL_get_error(ssl_, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) break;
    r.end = why == SSL_ERROR_ZERO_RETURN ? Read::End::closed : Read::End::failed;
    if (r.end == Read::End::failed) note_error(why);
    break;
  }
  return r;
}

bool TlsStream::has_input() const { return SSL_has_pending(ssl_) == 1 || BIO_pending(in_) > 0; }

bool TlsStream::write(Slices slices) {
  char record[kRecord];
  size_t used = 0;
  auto put = [this](const char* data, size_t size) {
    while (size) {
      ERR_clear_error();
      int n = SSL_write(ssl_, data, static_cast<int>(std::min<size_t>(size, 1 << 30)));
      if (n <= 0) {
        note_error(SSL_get_error(ssl_, n));
        return false;
      }
      data += n, size -= static_cast<size_t>(n);
    }
    return true;
  };
  for (Slice s : slices) {
    while (!s.empty()) {
      if (used == 0 && s.size() >= kRecord) {  // whole records need no copy
        size_t whole = s.size() - s.size() % kRecord;
        if (!put(s.data(), whole)) return false;
        s.remove_prefix(whole);
        continue;
      }
      size_t n = std::min(s.size(), kRecord - used);
      std::memcpy(record + used, s.data(), n);
      used += n;
      s.remove_prefix(n);
      if (used == kRecord) {
        if (!put(record, used)) return false;
        used = 0;
      }
    }
  }
  return used == 0 || put(record, used);
}

void TlsStream::shutdown() {
  if (!established_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
}

std::string_view TlsStream::output() const {
  char* data = nullptr;
  long n = BIO_get_mem_data(out_, &data);
  return n > 0 ? std::string_view{data, static_cast<size_t>(n)} : std::string_view{};
}

void TlsStream::sent() { BIO_reset(out_); }

}  // namespace sluice::http
