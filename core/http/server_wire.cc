#include "core/http/server_wire.h"

#include <unistd.h>

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

namespace sluice::http {

// One uv_write, with the small pieces behind it in the same allocation.
struct TcpWire::Queued {
  uv_write_t request;
  TcpWire* wire;
  loop::ReadBlock* block;
  size_t cost;
  char* copy() { return reinterpret_cast<char*>(this + 1); }
};

TcpWire::TcpWire(loop::Loop& loop, WireSink& sink) : loop_{loop}, sink_{&sink} {
  uv_tcp_init(loop.uv(), &tcp_);
  tcp_.data = this;
}

bool TcpWire::open(int fd) {
  if (uv_tcp_open(&tcp_, fd) != 0) {
    ::close(fd);
    return false;
  }
  // Every message leaves in one write: waiting for more only adds delay (hot-path.md, Traps).
  uv_tcp_nodelay(&tcp_, 1);
  return true;
}

void TcpWire::read(bool on) {
  if (on == reading_ || closing_ || ended_) return;
  reading_ = on;
  if (!on) {
    uv_read_stop(stream());
    return;
  }
  uv_read_start(
      stream(),
      [](uv_handle_t* h, size_t, uv_buf_t* buf) {
        auto* self = static_cast<TcpWire*>(h->data);
        *buf = self->receiver_.fill(h, self->loop_.read_block()->bytes, loop::ReadBlock::kSize);
      },
      [](uv_stream_t* s, ssize_t n, const uv_buf_t* buf) {
        auto* self = static_cast<TcpWire*>(s->data);
        n = self->receiver_.took(s, n);
        if (n > 0) {
          self->loop_.gathering().received(self->bulk_, static_cast<size_t>(n));
          self->sink_->on_bytes(buf->base, static_cast<size_t>(n));
        } else if (n < 0) {
          self->ended_ = true;
          self->reading_ = false;
          self->sink_->on_end(n == UV_EOF);
        }
      });
}

bool TcpWire::write(uv_buf_t* bufs, unsigned count, Life life) {
  assert(!shut_);
  if (closing_) return true;  // the sink knows already
  if (count == 0) return true;
  if (queued_ == 0) {
    int result = loop::try_send(stream(), bufs, count);
    if (result < 0 && result != UV_EAGAIN) return false;
    size_t sent = result > 0 ? static_cast<size_t>(result) : 0;
    while (count > 0 && sent >= bufs->len) sent -= bufs->len, ++bufs, --count;
    if (count == 0) [[likely]]
      return true;
    bufs->base += sent;
    bufs->len -= sent;
  }
  return queue(bufs, count, life);
}

bool TcpWire::queue(uv_buf_t* bufs, unsigned count, Life life) {
  size_t in_block = 0, total = 0;
  for (unsigned i = 0; i < count; ++i) {
    total += bufs[i].len;
    if (loop_.in_read_block(bufs[i].base)) in_block += bufs[i].len;
  }
  bool share = life == Life::callback && in_block >= kShareFrom;
  auto must_copy = [&](const uv_buf_t& b) {
    if (b.len < kCopyBelow) return true;
    return life == Life::callback && !(share && loop_.in_read_block(b.base));
  };
  size_t copied = 0;
  for (unsigned i = 0; i < count; ++i)
    if (must_copy(bufs[i])) copied += bufs[i].len;
  void* memory = std::malloc(sizeof(Queued) + copied);
  if (!memory) std::abort();
  auto* q = new (memory) Queued{};
  q->wire = this;
  q->block = share ? loop_.share_read_block() : nullptr;
  q->cost = total + kQueuedCost;
  char* to = q->copy();
  unsigned out = 0;
  bool grow = false;  // does the last buffer end at `to`?
  for (unsigned i = 0; i < count; ++i) {
    uv_buf_t b = bufs[i];
    if (must_copy(b)) {
      std::memcpy(to, b.base, b.len);
      if (grow)
        bufs[out - 1].len += b.len;
      else
        bufs[out++] = uv_buf_init(to, static_cast<unsigned>(b.len));
      to += b.len;
      grow = true;
    } else {
      bufs[out++] = b;
      grow = false;
    }
  }
  int error = uv_write(&q->request, stream(), bufs, out, [](uv_write_t* r, int status) {
    auto* done = reinterpret_cast<Queued*>(r);
    done->wire->on_written(done, status);
  });
  if (error != 0) {
    if (q->block) loop_.release(q->block);
    std::free(q);
    return false;
  }
  queued_ += q->cost;
  return true;
}

void TcpWire::on_written(Queued* q, int status) {
  queued_ -= q->cost;
  if (q->block) loop_.release(q->block);
  std::free(q);
  if (closing_) return;
  if (status < 0)
    sink_->on_end(false);
  else if (queued_ == 0)
    sink_->on_flushed();
}

void TcpWire::shutdown() {
  if (closing_ || shut_) return;
  shut_ = true;
  auto* request = static_cast<uv_shutdown_t*>(std::malloc(sizeof(uv_shutdown_t)));
  if (!request) std::abort();
  if (uv_shutdown(request, stream(), [](uv_shutdown_t* r, int) { std::free(r); }) != 0) std::free(request);
}

void TcpWire::close(bool reset) {
  if (closing_) return;
  closing_ = true;
  auto closed = [](uv_handle_t* h) { static_cast<TcpWire*>(h->data)->sink_->on_closed(); };
  // Refused while a shutdown is under way: then a plain close it is.
  if (reset && uv_tcp_close_reset(&tcp_, closed) == 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp_), closed);
}

}  // namespace sluice::http
