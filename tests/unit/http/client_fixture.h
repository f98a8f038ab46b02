// A client and fake backends on one loop in one thread: everything happens in a known order, nothing sleeps.
#pragma once
#include <gtest/gtest.h>
#include <uv.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/http/client.h"
#include "core/http/tls_stream.h"

namespace sluice::http {

// A raw server: bytes in, bytes out, by script. With a context it speaks TLS.
class Backend {
 public:
  struct Peer {
    uv_tcp_t tcp;
    Backend* backend;
    std::string in;  // everything received
    size_t index;    // 0: the first connection
    std::unique_ptr<TlsStream> tls;
    bool closing = false, ended = false;

    void send(std::string_view text) {
      if (closing) return;
      if (tls) {
        Slice s = text;
        tls->write({&s, 1});
        flush();
      } else {
        raw(text);
      }
    }
    void raw(std::string_view text) {
      struct Out {
        uv_write_t req;
        std::string text;
      };
      auto* out = new Out{{}, std::string{text}};
      out->req.data = out;
      uv_buf_t b = uv_buf_init(out->text.data(), static_cast<unsigned>(out->text.size()));
      uv_write(&out->req, reinterpret_cast<uv_stream_t*>(&tcp), &b, 1, [](uv_write_t* r, int) { delete static_cast<Out*>(r->data); });
    }
    void flush() {
      std::string_view out = tls->output();
      if (!out.empty()) raw(out);
      tls->sent();
    }
    void close(bool notify = true) {  // after what is queued has left
      if (closing) return;
      closing = true;
      if (tls && notify) {
        tls->shutdown();
        flush();
      }
      auto* req = new uv_shutdown_t;
      req->data = this;
      if (uv_shutdown(req, reinterpret_cast<uv_stream_t*>(&tcp), [](uv_shutdown_t* r, int) {
            static_cast<Peer*>(r->data)->end();
            delete r;
          }) != 0) {
        delete req;
        end();
      }
    }
    void reset() {  // RST
      closing = ended = true;
      uv_tcp_close_reset(&tcp, [](uv_handle_t*) {});
    }
    void end() {
      closing = true;
      if (!std::exchange(ended, true)) uv_close(reinterpret_cast<uv_handle_t*>(&tcp), nullptr);
    }
    void stop_reading() { uv_read_stop(reinterpret_cast<uv_stream_t*>(&tcp)); }
    void start_reading() { uv_read_start(reinterpret_cast<uv_stream_t*>(&tcp), alloc, read); }
    static void alloc(uv_handle_t*, size_t, uv_buf_t* b) {
      static thread_local char bytes[65536];
      *b = uv_buf_init(bytes, sizeof bytes);
    }
    static void read(uv_stream_t* s, ssize_t n, const uv_buf_t* b) {
      auto* p = static_cast<Peer*>(s->data);
      if (n == 0) return;
      if (n < 0) {
        if (p->backend->on_eof) p->backend->on_eof(*p);
        return p->end();
      }
      if (!p->tls) {
        p->in.append(b->base, static_cast<size_t>(n));
      } else {
        p->tls->feed(b->base, static_cast<size_t>(n));
        if (!p->tls->established()) {
          auto step = p->tls->handshake();
          p->flush();
          if (step == TlsStream::Step::failed) return p->end();
          if (step == TlsStream::Step::again) return;
          ++p->backend->handshakes;
          p->backend->resumed += p->tls->resumed();
        }
        char plain[65536];
        TlsStream::Read r = p->tls->read(plain, sizeof plain);
        p->in.append(plain, r.size);
        if (r.end != TlsStream::Read::End::open) return p->close();
        if (!r.size) return;
      }
      if (p->backend->on_data) p->backend->on_data(*p);
    }
  };

  explicit Backend(loop::Loop& loop, SSL_CTX* tls = nullptr, const char* ip = "127.0.0.1") : loop_{loop}, tls_{tls} {
    uv_tcp_init(loop.uv(), &listener_);
    listener_.data = this;
    sockaddr_in a;
    uv_ip4_addr(ip, 0, &a);
    EXPECT_EQ(uv_tcp_bind(&listener_, reinterpret_cast<sockaddr*>(&a), 0), 0);
    EXPECT_EQ(uv_listen(reinterpret_cast<uv_stream_t*>(&listener_), 128, on_connection), 0);
    int size = sizeof a;
    uv_tcp_getsockname(&listener_, reinterpret_cast<sockaddr*>(&a), &size);
    port = ntohs(a.sin_port);
  }
  void stop_listening() {
    if (!std::exchange(stopped_, true)) uv_close(reinterpret_cast<uv_handle_t*>(&listener_), nullptr);
  }
  void close() {
    stop_listening();
    for (auto& p : peers) p->end();
  }
  // Answers each whole request (head only) with `response`.
  void answer(std::string response) {
    on_data = [response](Peer& p) {
      for (size_t end; (end = p.in.find("\r\n\r\n")) != p.in.npos;) {
        p.in.erase(0, end + 4);
        p.send(response);
      }
    };
  }

  std::function<void(Peer&)> on_data, on_eof, on_open;
  std::vector<std::unique_ptr<Peer>> peers;
  uint16_t port = 0;
  int handshakes = 0, resumed = 0;

 private:
  static void on_connection(uv_stream_t* s, int) {
    auto* self = static_cast<Backend*>(s->data);
    auto p = std::make_unique<Peer>();
    p->backend = self;
    p->index = self->peers.size();
    uv_tcp_init(self->loop_.uv(), &p->tcp);
    p->tcp.data = p.get();
    uv_accept(s, reinterpret_cast<uv_stream_t*>(&p->tcp));
    if (self->tls_) p->tls = TlsStream::server(self->tls_);
    p->start_reading();
    self->peers.push_back(std::move(p));
    if (self->on_open) self->on_open(*self->peers.back());
  }
  loop::Loop& loop_;
  SSL_CTX* tls_;
  uv_tcp_t listener_;
  bool stopped_ = false;
};

// One call with everything it got.
struct TestCall final : CallSink {
  TestCall(Client& client, const Origin& origin, std::string request, std::function<void(ClientCall::Request&)> change = {})
      : origin{origin}, bytes{std::move(request)}, arena{client.loop().blocks()}, call{std::make_unique<ClientCall>(client, arena, *this)} {
    Slice s = bytes;
    ClientCall::Request r;
    r.origin = &this->origin;
    r.bytes = {&s, 1};  // the array is a local: the call copies it
    if (change) change(r);
    starting = true;
    call->start(r);
    starting = false;
  }
  void on_response(const ResponseHead* head, Slices slices, bool is_last) noexcept override {
    EXPECT_FALSE(starting);
    EXPECT_FALSE(done());
    EXPECT_EQ(head != nullptr, status == 0);
    ++events;
    if (head) {
      status = head->status;
      for (const Header& h : head->headers) headers += std::string{h.name} + ": " + std::string{h.value} + "\n";
    }
    for (Slice v : slices) {
      body += v;
      if (into && v.data() >= into->data() && v.data() < into->data() + into->size()) into_bytes += v.size();
    }
    last = is_last;
    if (hook) hook();
  }
  void on_error(const Error& e) noexcept override {
    EXPECT_FALSE(starting);
    EXPECT_FALSE(done());
    ++events;
    code = e.code;
    nothing_sent = e.nothing_sent;
    message = e.message;
    if (hook) hook();
  }
  void on_writable() noexcept override {
    EXPECT_FALSE(starting);
    ++events, ++writable;
    if (on_drain) on_drain();
  }
  void on_continue() noexcept override { ++continues; }
  bool done() const { return last || code != Errc::none; }

  Origin origin;
  std::string bytes;
  Arena arena;
  std::unique_ptr<ClientCall> call;
  std::function<void()> hook, on_drain;  // at the end of each event; may destroy the call
  int status = 0, events = 0, writable = 0, continues = 0;
  std::string headers, body, message;
  std::string* into = nullptr;
  size_t into_bytes = 0;
  Errc code = Errc::none;
  bool nothing_sent = false, last = false, starting = false;
};

class ClientFixture : public ::testing::Test {
 protected:
  ClientFixture() {
    uv_prepare_init(loop.uv(), &prepare_);
    prepare_.data = this;
    uv_timer_init(loop.uv(), &guard_);
    guard_.data = this;
    uv_timer_start(&guard_, [](uv_timer_t* t) { static_cast<ClientFixture*>(t->data)->late_ = true; }, 20'000, 0);
  }
  ~ClientFixture() override { finish(); }

  Client& make_client(const ClientOptions& options = {}) {
    client = std::make_unique<Client>(loop, options, 1);
    return *client;
  }
  Backend& make_backend(SSL_CTX* tls = nullptr) {
    backends.push_back(std::make_unique<Backend>(loop, tls));
    return *backends.back();
  }
  Origin origin_of(const Backend& b, std::shared_ptr<TlsClientContext> tls = nullptr, const std::string& host = "127.0.0.1",
                   Http2Mode http2 = Http2Mode::never) {
    auto o = make_origin((tls ? "https://" : "http://") + host + ":" + std::to_string(b.port), tls, http2);
    EXPECT_TRUE(o.ok());
    return *o;
  }
  // Runs the loop until it is so; looked at before the loop would wait. The guard is for a broken test, not for timing.
  void run_until(const std::function<bool()>& so) {
    until_ = &so;
    uv_prepare_start(&prepare_, [](uv_prepare_t* p) {
      auto* self = static_cast<ClientFixture*>(p->data);
      if (self->late_ || (*self->until_)()) uv_stop(p->loop);
    });
    while (!so() && !late_) uv_run(loop.uv(), UV_RUN_DEFAULT);
    uv_prepare_stop(&prepare_);
    ASSERT_TRUE(so()) << "gave up waiting";
  }
  void turns(int n) {
    for (int i = 0; i < n; ++i) uv_run(loop.uv(), UV_RUN_NOWAIT);
  }
  void finish() {
    if (std::exchange(finished_, true)) return;
    if (client) client->close();
    for (auto& b : backends) b->close();
    uv_close(reinterpret_cast<uv_handle_t*>(&guard_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
    loop.stop();
    loop.run();
    client.reset();
  }

  loop::Loop loop;
  std::unique_ptr<Client> client;
  std::vector<std::unique_ptr<Backend>> backends;

 private:
  uv_timer_t guard_;
  uv_prepare_t prepare_;
  const std::function<bool()>* until_ = nullptr;
  bool late_ = false, finished_ = false;
};

inline const char* const kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
inline const char* const kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

}  // namespace sluice::http
