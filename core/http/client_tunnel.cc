// Through a proxy: plain requests name the whole URL, TLS goes through a tunnel (RFC 9110 §9.3.6) that the proxy opens first.
#include "core/base/text.h"
#include "core/http/client_internal.h"

namespace sluice::http {
namespace {
constexpr size_t kMaxAnswer = 16 * 1024;  // head of a proxy's answer to CONNECT
}

Slices for_proxy(Arena& arena, Slices bytes, const Origin& origin) {
  Slice head = bytes[0];
  size_t target = head.find(' ') + 1, fields = head.find("\r\n") + 2;
  Slice* all = arena.array<Slice>(bytes.size() + 2);
  all[0] = head.substr(0, target);
  all[1] = arena.concat("http://", origin.authority, head.substr(target, fields - target),
                        origin.proxy->authorization.empty() ? "" : "Proxy-Authorization: ", origin.proxy->authorization,
                        origin.proxy->authorization.empty() ? "" : "\r\n");
  all[2] = head.substr(fields);
  std::copy(bytes.begin() + 1, bytes.end(), all + 3);
  return {all, bytes.size() + 2};
}

void ClientConnection::begin_tls() {
  ClientCall::State& c = *call_;
  tls_ = TlsStream::client(c.request.origin->context->native(), c.request.origin->host, pool_->session);
  if (tls_ && c.request.origin->http2 != Http2Mode::never) tls_->offer_http2(c.request.origin->http2 == Http2Mode::negotiate);
  if (!tls_) return client_->fail_later(c, Client::Impl::error(c, Errc::tls, "no TLS state", true));
  start_reading();
  pump_tls();
}

void ClientConnection::ask_for_tunnel() {
  ClientCall::State& c = *call_;
  const Origin& to = *c.request.origin;
  tunnel_ = std::make_unique<std::string>();
  std::string host = (to.host.find(':') == to.host.npos ? to.host : "[" + to.host + "]") + ":" + std::to_string(to.port);
  std::string text = "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n";
  if (!to.proxy->authorization.empty()) text += "Proxy-Authorization: " + to.proxy->authorization + "\r\n";
  text += "\r\n";
  Slice all = text;
  // A fresh connection takes a few hundred bytes at once, or is broken.
  if (try_write({&all, 1}) != static_cast<ssize_t>(text.size()))
    return client_->fail_later(c, Client::Impl::error(c, Errc::refused, "the connection to the proxy broke", true));
  start_reading();
}

void ClientConnection::read_tunnel(Slice bytes) {
  *tunnel_ += bytes;
  size_t end = tunnel_->find("\r\n\r\n");
  if (end == std::string::npos) {
    if (tunnel_->size() > kMaxAnswer) fail(Errc::protocol, "the proxy's answer to CONNECT is too long", true);
    return;
  }
  std::string_view line = std::string_view{*tunnel_}.substr(0, tunnel_->find("\r\n"));
  const bool http = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
  if (!http || line[9] != '2') {
    std::string_view said = http ? line.substr(9, 100) : std::string_view{"no HTTP answer"};
    for (char ch : said)
      if (static_cast<uint8_t>(ch) < 0x20) said = "no HTTP answer";
    return fail(Errc::refused, call_->arena.concat("the proxy ", call_->request.origin->proxy->name(), " opened no tunnel: ", said), true);
  }
  if (end + 4 != tunnel_->size()) return fail(Errc::protocol, "the proxy sent something before the tunnel was used", true);
  tunnel_.reset();
  begin_tls();
}

}  // namespace sluice::http
