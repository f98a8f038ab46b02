// The seam between a connection and its socket: bytes in, bytes out, nothing of HTTP. TcpWire is plain TCP, TlsWire
// (tls_wire.h) works through one. One thread: the loop's.
#pragma once
#include <uv.h>

#include <cstddef>
#include <memory>

#include "core/http/server.h"
#include "core/loop/loop.h"
#include "core/loop/socket_io.h"

namespace sluice::http {

// Called on the loop, never from inside a call on the Wire.
class WireSink {
 public:
  virtual void on_bytes(const char* data, size_t size) noexcept = 0;  // live until the call returns
  virtual void on_end(bool clean) noexcept = 0;  // clean: the peer sent FIN; else the connection is broken. May come twice
  virtual void on_flushed() noexcept = 0;        // what was queued has left
  virtual void on_closed() noexcept = 0;         // the last call; may destroy the wire
  // TLS: the handshake is done, and what the two agreed on can be asked for. Before the first bytes.
  virtual void on_secured() noexcept {}

 protected:
  ~WireSink() = default;
};

class Wire {
 public:
  virtual ~Wire() = default;  // only in or after on_closed
  // Stopping and starting again costs system calls: for back-pressure only.
  virtual void read(bool on) = 0;
  // Tries to send at once and queues the rest; `bufs` (none empty) is used up. False: the connection is broken, and
  // nobody else will say so.
  virtual bool write(uv_buf_t* bufs, unsigned count, Life) = 0;
  virtual size_t queued() const = 0;  // bytes, with what keeping them costs
  virtual void shutdown() = 0;        // FIN behind what is queued; no write afterwards
  virtual void close(bool reset) = 0; // drops what is queued; reset: the peer sees RST
  virtual bool secure() const = 0;
  virtual bool http2() const { return false; }  // the handshake agreed on it (RFC 7301)
  // Who hears from now on; also from within on_bytes, then for what comes after it.
  virtual void set_sink(WireSink&) = 0;
};

class TcpWire final : public Wire {
 public:
  TcpWire(loop::Loop&, WireSink&);
  ~TcpWire() override = default;
  // Takes an accepted socket over. False: the descriptor was closed; destroy the wire after on_closed all the same.
  bool open(int fd);

  void read(bool on) override;
  bool write(uv_buf_t* bufs, unsigned count, Life) override;
  size_t queued() const override { return queued_; }
  void shutdown() override;
  void close(bool reset) override;
  bool secure() const override { return false; }
  void set_sink(WireSink& sink) override { sink_ = &sink; }

 private:
  struct Queued;
  // Smaller pieces are copied when queued: a reference costs more, and may keep a whole block alive.
  static constexpr size_t kCopyBelow = 512;
  static constexpr size_t kShareFrom = 16 * 1024;
  static constexpr size_t kQueuedCost = 256;  // of one queued write, in queued()

  bool queue(uv_buf_t* bufs, unsigned count, Life);
  void on_written(Queued*, int status);
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&tcp_); }

  loop::Receiver receiver_;
  loop::Gathering::Mark bulk_;
  uv_tcp_t tcp_;
  loop::Loop& loop_;
  WireSink* sink_;
  size_t queued_ = 0;
  bool reading_ = false, closing_ = false, shut_ = false, ended_ = false;
};

}  // namespace sluice::http
