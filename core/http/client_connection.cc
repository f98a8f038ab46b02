// One connection to a backend: reading stays started for its whole life (stopped for back-pressure only), a request is one
// vectored write tried at once, and a response is told after the parser has returned and the connection has its new owner.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/base/clock.h"
#include "core/http/client_h2.h"

namespace sluice::http {
namespace {

constexpr size_t kUploadQueue = 128 * 1024;  // above it send_body says wait
constexpr size_t kEncryptStep = 256 * 1024;  // of a request body at a time: ciphertext is a copy
constexpr size_t kVectors = 64;

}  // namespace

// What the kernel did not take at once.
struct ClientConnection::Write {
  uv_write_t request;
  ClientConnection* connection;
  loop::Loop* loop;
  loop::ReadBlock* block = nullptr;  // shared while its bytes wait
  std::string copy;
  std::vector<uv_buf_t> buffers;
};

// ---- life

ClientConnection::ClientConnection(Client::Impl& c) : client_{&c} {}
ClientConnection::~ClientConnection() = default;

int ClientConnection::connect(const Address& address, Pool& pool, Dial& dial) {
  uv_tcp_init(client_->loop.uv(), &tcp_);
  tcp_.data = this;
  pool_ = &pool;
  ++pool.users;
  call_ = nullptr;
  dial_ = &dial;
  bytes_out_ = 0;
  bulk_ = {};
  idle_ = closing_ = reading_ = write_failed_ = false;
  deadline_.connection = this;
  deadline_.on_expire(on_deadline);
  auto* request = new uv_connect_t;
  request->data = this;
  int rc = uv_tcp_connect(request, &tcp_, &address.any, [](uv_connect_t* r, int status) {
    auto* self = static_cast<ClientConnection*>(r->data);
    delete r;
    if (self->closing_ || !self->dial_) return;
    if (status < 0) return self->dial_->failed(*self, status);
    uv_tcp_nodelay(&self->tcp_, 1);
    int64_t probe = self->client_->options.dial_keep_alive_ms;
    if (probe >= 0) uv_tcp_keepalive(&self->tcp_, 1, static_cast<unsigned>(probe ? std::max<int64_t>(1, probe / 1000) : 15));
    self->dial_->connected(*self);
  });
  if (rc) {
    delete request;
    dial_ = nullptr;
  }
  return rc;
}

void ClientConnection::ready_for(ClientCall::State& c) {
  ++client_->stats.opened;
  if (CallTimes* times = c.request.times) [[unlikely]]
    times->connected_ns = clock::monotonic_ns(), times->reused = false;
  if (!c.request.origin->tls) return c.h2 ? begin_http2(c) : attach(c);
  call_ = &c;
  c.connection = this;
  ++client_->stats.active;
  if (uint64_t ms = client_->options.tls_handshake_timeout_ms) {
    c.timer_for = ClientCall::State::Timer::tls;
    client_->loop.deadlines().arm(c.timer, ms);
  }
  if (c.request.origin->proxy) return ask_for_tunnel();
  begin_tls();
}

void ClientConnection::attach(ClientCall::State& c) {
  if (call_ != &c) {
    call_ = &c;
    c.connection = this;
    ++client_->stats.active;
  }
  codec_.reset(c.request.head_method, client_->options.max_header_bytes);
  bytes_out_ = 0;
  if (CallTimes* times = c.request.times) [[unlikely]]
    times->ready_ns = clock::monotonic_ns();
  if (c.paused)
    stop_reading();
  else
    start_reading();
  send_request();
}

ClientCall::State* ClientConnection::detach() {
  if (!call_) return nullptr;
  --client_->stats.active;
  call_->connection = nullptr;
  return std::exchange(call_, nullptr);
}

void ClientConnection::drop() {
  if (call_) --client_->stats.active;
  call_ = nullptr;
  close();
}

void ClientConnection::close() {
  if (closing_) return;
  if (h2_) h2_->on_closing(idle_);
  bool polite = idle_ && tls_;
  client_->leave_idle(*this);
  if (std::exchange(h2_busy_, false)) --client_->stats.active;
  detach();
  closing_ = true;
  deadline_.disarm();
  if (polite) {  // close_notify, if it can leave at once
    tls_->shutdown();
    Slice out = tls_->output();
    if (!out.empty()) (void)try_write({&out, 1});
  }
  --std::exchange(pool_, nullptr)->users;
  uv_close(handle(), [](uv_handle_t* h) {
    auto* self = static_cast<ClientConnection*>(h->data);
    self->tls_.reset();
    self->h2_.reset();
    self->tunnel_.reset();
    if (self->client_)
      self->client_->recycle(self);
    else
      delete self;  // the client is gone
  });
}

bool ClientConnection::looks_alive() {
  uv_os_fd_t fd;
  if (uv_fileno(handle(), &fd) != 0) return false;
  char byte;
  ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0) return tls_ || h2_;  // TLS: a session ticket perhaps; HTTP/2: a ping. Else bytes that nobody asked for
  return n < 0 && (errno == EAGAIN || errno == EINTR);
}

void ClientConnection::on_deadline(loop::Deadline& d) noexcept {
  ClientConnection& self = *static_cast<ConnectionDeadline&>(d).connection;
  if (self.idle_) return self.close();
  if (self.closing_ || !self.call_) return;
  ClientCall::State& c = *self.call_;
  if (c.wants_writable && self.queued() == 0) {
    c.wants_writable = false;
    c.sink->on_writable();
    if (self.closing_ || !self.call_) return;
  }
  if (self.tls_ && !self.call_->paused) self.pump_tls();
}

// ---- reading

void ClientConnection::start_reading() {
  if (reading_ || closing_) return;
  reading_ = true;
  uv_read_start(stream(), on_alloc, on_read);
}

void ClientConnection::stop_reading() {
  if (!reading_ || closing_) return;
  reading_ = false;
  uv_read_stop(stream());
}

void ClientConnection::pause() { stop_reading(); }

void ClientConnection::resume() {
  start_reading();
  if (tls_ && tls_->has_input()) client_->loop.deadlines().arm(deadline_, 0);
}

void ClientConnection::on_alloc(uv_handle_t* h, size_t, uv_buf_t* buffer) {
  auto* self = static_cast<ClientConnection*>(h->data);
  if (ClientCall::State* c = self->call_; c && c->into && !self->tls_ && !self->tunnel_) {
    size_t room = std::min<uint64_t>(c->into_room, self->codec_.body_remaining());
    if (room) {
      *buffer = self->receiver_.fill(h, c->into, room);
      return;
    }
  }
  *buffer = self->receiver_.fill(h, self->client_->loop.read_block()->bytes, loop::ReadBlock::kSize);
}

void ClientConnection::on_read(uv_stream_t* s, ssize_t n, const uv_buf_t* buffer) {
  auto* self = static_cast<ClientConnection*>(s->data);
  n = self->receiver_.took(s, n);
  if (n == 0) return;
  if (n < 0) return self->on_end(static_cast<int>(n), n == UV_EOF && !self->tls_);
  self->client_->loop.gathering().received(self->bulk_, static_cast<size_t>(n));
  if (self->tunnel_) return self->read_tunnel({buffer->base, static_cast<size_t>(n)});
  if (self->tls_) {
    self->tls_->feed(buffer->base, static_cast<size_t>(n));
    return self->pump_tls();
  }
  if (!self->call_) {
    if (self->h2_) return self->h2_->on_bytes(buffer->base, static_cast<size_t>(n));
    return self->close();  // bytes that nobody asked for
  }
  self->consume(buffer->base, static_cast<size_t>(n));
}

void ClientConnection::pump_tls() {
  if (!tls_->established()) {
    TlsStream::Step step = tls_->handshake();
    bool sent = flush_tls();
    if (step == TlsStream::Step::failed || !sent) {
      // A session that the server does not like any more must not spoil the next handshake too.
      if (pool_->session) SSL_SESSION_free(std::exchange(pool_->session, nullptr));
      std::string_view why = sent || step == TlsStream::Step::failed ? tls_->error() : "connection broken";
      return client_->fail_later(*call_, Client::Impl::error(*call_, Errc::tls, call_->arena.concat("TLS: ", why), true));
    }
    if (step == TlsStream::Step::again) return;
    call_->timer.disarm();
    call_->timer_for = ClientCall::State::Timer::none;
    negotiated();
    if (closing_) return;
  }
  for (;;) {
    ClientCall::State* c = call_;
    if (c && c->paused) return;
    char* to = nullptr;
    size_t room = 0;
    if (c && c->into) to = c->into, room = std::min<uint64_t>(c->into_room, codec_.body_remaining());
    if (!room) to = client_->loop.read_block()->bytes, room = loop::ReadBlock::kSize;
    TlsStream::Read r = tls_->read(to, room);
    if (SSL_SESSION* session = tls_->take_session()) {
      if (pool_->session) SSL_SESSION_free(pool_->session);
      pool_->session = session;
    }
    if (r.size) {
      if (h2_) {
        h2_->on_bytes(to, r.size);
        if (closing_) return;
      } else {
        if (!call_) return close();
        if (!consume(to, r.size)) return;
      }
    }
    if (r.end != TlsStream::Read::End::open) {
      bool clean = r.end == TlsStream::Read::End::closed;
      return on_end(clean ? int{UV_EOF} : int{UV_ECONNRESET}, clean);
    }
    if (r.size < room) break;
  }
  if (!flush_tls()) write_failed_ = true;  // answers of TLS itself (key update)
}

bool ClientConnection::consume(char* data, size_t size) {
  ClientCall::State& c = *call_;
  ResponseCodec::Batch& b = client_->batch;
  ResponseCodec::Status status = codec_.feed(c.arena, data, size, b);
  if (c.into && data == c.into) {
    c.into += size, c.into_room -= size;
    if (!c.into_room) c.into = nullptr;
  }
  if (b.has_head) {
    c.head_seen = true;
    if (c.timer_for == ClientCall::State::Timer::head) {
      c.timer.disarm();
      c.timer_for = ClientCall::State::Timer::none;
    }
  }
  CallSink* sink = c.sink;
  if (status == ResponseCodec::Status::done) {
    // The connection gets its new place first: the sink may start the next call, or destroy this one.
    finish(codec_.keep_alive() && b.extra == 0 && c.request_done && !write_failed_ && !(tls_ && tls_->has_input()));
    sink->on_response(b.has_head ? &b.head : nullptr, b.body(), true);
    return !closing_;
  }
  if (codec_.take_continue() && !b.has_head) [[unlikely]] {
    sink->on_continue();
    if (closing_ || call_ != &c) return false;
  }
  if (b.has_head || b.count) {
    sink->on_response(b.has_head ? &b.head : nullptr, b.body(), false);
    if (closing_ || call_ != &c) return false;
  }
  if (status == ResponseCodec::Status::failed) {
    fail(codec_.code(), codec_.reason());
    return false;
  }
  return true;
}

void ClientConnection::finish(bool reuse) {
  ClientCall::State* c = detach();
  deadline_.disarm();
  client_->settle(*c);
  if (!reuse) return close();
  start_reading();
  client_->put_idle(*this);
}

// The peer ended the connection, or it broke. clean: an end that proves that nothing is missing.
void ClientConnection::on_end(int status, bool clean) {
  if (!call_) return h2_ ? h2_->on_end(status) : close();
  if (tunnel_) return fail(Errc::refused, "the proxy closed the connection instead of opening a tunnel", true);
  if (handshaking()) return fail(Errc::tls, status == UV_EOF ? "TLS: EOF in the handshake" : uv_strerror(status), true);
  if (!codec_.started()) {
    if (retry(false)) return;
    call_->unanswered = true;
  }
  if (clean && codec_.until_close()) {
    codec_.finish();
    CallSink* sink = call_->sink;
    finish(false);
    return sink->on_response(nullptr, {}, true);
  }
  if (status != UV_EOF) return fail(Errc::reset, uv_strerror(status));
  if (codec_.until_close()) return fail(Errc::truncated, "TLS connection ended without close_notify");
  codec_.finish();
  fail(codec_.code(), codec_.reason());
}

void ClientConnection::fail(Errc code, std::string_view what, bool nothing_sent) {
  client_->fail(*call_, Client::Impl::error(*call_, code, what, nothing_sent));  // drops this connection
}

// RFC 9110 §9.2.2: a request whose connection ended before any response byte is repeated by itself only when it is
// idempotent, or when nothing of it can have been received. Only on a connection that was reused: there the peer's idle
// time-out is the likely reason. Once.
bool ClientConnection::retry(bool nothing_written) {
  ClientCall::State& c = *call_;
  if (!c.reused || c.retried) return false;
  if (!nothing_written && (!c.request.idempotent || c.request.streaming)) return false;
  c.retried = true;
  c.reused = c.request_done = false;
  c.timer.disarm();
  c.timer_for = ClientCall::State::Timer::none;
  ++client_->stats.retried;
  Client::Impl& client = *client_;
  close();
  client.dial(c);
  return true;
}

// ---- writing

void ClientConnection::send_request() {
  ClientCall::State& c = *call_;
  c.next_slice = c.next_offset = 0;
  c.request_done = false;
  write_failed_ = false;
  if (tls_) {
    if (!send_encrypted()) return;
  } else {
    ssize_t n = try_write(c.request.bytes);
    if (n < 0) return write_broken(static_cast<int>(n));
    bytes_out_ = static_cast<size_t>(n);
    if (bytes_out_ < total_size(c.request.bytes)) queue(c.request.bytes, bytes_out_, true);
  }
  if (!c.early.empty() || (c.request.chunked && c.body_ended)) {
    std::string early = std::move(c.early);
    c.early.clear();
    Slice all = early;
    bool ended = std::exchange(c.body_ended, false);
    send_body({&all, 1}, ended);
  } else if (c.body_ended && queued() == 0) {
    request_done();
  }
  // Not from here: this may run inside start().
  if (c.wants_writable && queued() == 0) client_->loop.deadlines().arm(deadline_, 0);
}

void ClientConnection::write_broken(int) {
  if (retry(bytes_out_ == 0)) return;
  // The backend may have answered before it closed: the reading side tells how it ends.
  write_failed_ = true;
  if (call_->body_ended) request_done();
}

void ClientConnection::request_done() {
  ClientCall::State& c = *call_;
  c.request_done = true;
  uint64_t ms = client_->options.response_header_timeout_ms;
  if (!ms || c.head_seen) return;
  c.timer_for = ClientCall::State::Timer::head;
  client_->loop.deadlines().arm(c.timer, ms);
}

bool ClientConnection::send_body(Slices body, bool last) {
  if (!call_->request.chunked) return send_framed(body, last);
  char size[20];
  std::vector<Slice> framed;
  if (size_t n = total_size(body)) {
    char* end = std::to_chars(size, size + 16, n, 16).ptr;
    *end++ = '\r', *end++ = '\n';
    framed.push_back({size, static_cast<size_t>(end - size)});
    framed.insert(framed.end(), body.begin(), body.end());
    framed.push_back("\r\n");
  }
  if (last) framed.push_back("0\r\n\r\n");
  return send_framed(framed, last);  // also when empty: it tells whether the connection stands
}

bool ClientConnection::send_framed(Slices body, bool last) {
  ClientCall::State& c = *call_;
  c.body_ended = last;
  if (!write_failed_) {
    if (tls_) {
      write_failed_ = !tls_->write(body) || !flush_tls();
    } else {
      ssize_t n = try_write(body);
      write_failed_ = n < 0;
      if (n >= 0) {
        bytes_out_ += static_cast<size_t>(n);
        if (static_cast<size_t>(n) < total_size(body)) queue(body, static_cast<size_t>(n), false);
      }
    }
  }
  if (queued() == 0 || write_failed_) {
    if (last) request_done();
    return true;
  }
  if (queued() <= kUploadQueue) return true;
  c.wants_writable = true;
  return false;
}

// More of the request, as long as the kernel takes it. False: broken, and perhaps somewhere else already.
bool ClientConnection::send_encrypted() {
  ClientCall::State& c = *call_;
  Slices all = c.request.bytes;
  while (c.next_slice < all.size() && queued() == 0) {
    Slice part[kVectors];
    size_t n = 0, size = 0;
    while (c.next_slice < all.size() && n < kVectors && size < kEncryptStep) {
      Slice s = all[c.next_slice].substr(c.next_offset, kEncryptStep - size);
      c.next_offset += s.size();
      size += s.size();
      if (c.next_offset == all[c.next_slice].size()) ++c.next_slice, c.next_offset = 0;
      if (!s.empty()) part[n++] = s;
    }
    if (!tls_->write({part, n}) || !flush_tls()) {
      write_broken(UV_EPIPE);
      return false;
    }
  }
  return true;
}

ssize_t ClientConnection::try_write(Slices slices) {
  if (queued()) return 0;  // order
  ssize_t taken = 0;
  uv_buf_t vectors[kVectors];
  for (size_t i = 0; i < slices.size();) {
    unsigned n = 0;
    size_t want = 0;
    for (; i < slices.size() && n < kVectors; ++i) {
      if (slices[i].empty()) continue;
      vectors[n++] = uv_buf_init(const_cast<char*>(slices[i].data()), static_cast<unsigned>(slices[i].size()));
      want += slices[i].size();
    }
    if (!n) break;
    int rc = loop::try_send(stream(), vectors, n);
    if (rc == UV_EAGAIN) break;
    if (rc < 0) return taken ? taken : rc;
    taken += rc;
    if (static_cast<size_t>(rc) < want) break;
  }
  return taken;
}

void ClientConnection::queue(Slices slices, size_t skip, bool outlives) {
  auto* w = new Write;
  w->request.data = w;
  w->connection = this;
  w->loop = &client_->loop;
  bool shared = !outlives;
  for (Slice s : slices) shared = shared && (s.empty() || w->loop->in_read_block(s.data()));
  if (!outlives && !shared) w->copy.reserve(total_size(slices) - skip);
  for (Slice s : slices) {
    size_t off = std::min(skip, s.size());
    skip -= off;
    s.remove_prefix(off);
    if (s.empty()) continue;
    if (outlives || shared)
      w->buffers.push_back(uv_buf_init(const_cast<char*>(s.data()), static_cast<unsigned>(s.size())));
    else
      w->copy += s;
  }
  if (shared) w->block = w->loop->share_read_block();
  if (!w->copy.empty()) w->buffers.push_back(uv_buf_init(w->copy.data(), static_cast<unsigned>(w->copy.size())));
  auto done = [](uv_write_t* r, int status) {
    std::unique_ptr<Write> own{static_cast<Write*>(r->data)};
    if (own->block) own->loop->release(own->block);
    own->connection->on_written(status);
  };
  if (uv_write(&w->request, stream(), w->buffers.data(), static_cast<unsigned>(w->buffers.size()), done) == 0) return;
  if (w->block) w->loop->release(w->block);
  delete w;
  write_failed_ = true;
}

bool ClientConnection::flush_tls() {
  Slice out = tls_->output();
  if (out.empty()) return true;
  ssize_t n = try_write({&out, 1});
  if (n >= 0) {
    bytes_out_ += static_cast<size_t>(n);
    if (static_cast<size_t>(n) < out.size()) queue({&out, 1}, static_cast<size_t>(n), false);
  }
  tls_->sent();
  return n >= 0;
}

void ClientConnection::on_written(int status) {
  if (closing_) return;
  if (!call_) {
    if (h2_) h2_->on_flushed(status);
    return;
  }
  if (handshaking()) return;
  ClientCall::State& c = *call_;
  if (status < 0) {
    write_failed_ = true;
  } else {
    if (tls_ && c.next_slice < c.request.bytes.size() && !send_encrypted()) return;
    if (queued()) return;
  }
  if (c.body_ended && !c.request_done) request_done();
  if (!c.wants_writable) return;
  c.wants_writable = false;
  c.sink->on_writable();
}

}  // namespace sluice::http
