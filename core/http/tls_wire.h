// A wire through TLS: the handshake, then the same bytes in and out as over plain TCP. Ciphertext is decrypted into the read
// block that it came in, so that nothing above knows the difference. One thread: the loop's.
#pragma once
#include <memory>

#include "core/http/server_wire.h"
#include "core/http/tls_server.h"
#include "core/http/tls_stream.h"

namespace sluice::http {

class TlsWire final : public Wire, private WireSink {
 public:
  static constexpr uint64_t kHandshakeMs = 10'000;  // also without any configured time-out: a handshake costs memory

  TlsWire(loop::Loop&, WireSink&, std::shared_ptr<TlsServerContext>);
  // As TcpWire's. The sink hears nothing before the handshake is done, but for on_end: it failed, or took too long.
  bool open(int fd);

  void read(bool on) override { tcp_.read(on); }
  bool write(uv_buf_t* bufs, unsigned count, Life) override;
  size_t queued() const override { return tcp_.queued(); }
  void shutdown() override;
  void close(bool reset) override;
  bool secure() const override { return true; }
  bool http2() const override { return http2_; }
  void set_sink(WireSink& sink) override { sink_ = &sink; }

 private:
  void on_bytes(const char*, size_t) noexcept override;
  void on_end(bool clean) noexcept override;
  void on_flushed() noexcept override;
  void on_closed() noexcept override;
  bool go_on();         // with the handshake; true: it is done
  bool send_output();   // ciphertext that waits; false: the connection is broken
  void refuse_plain();
  void fail();

  loop::Loop& loop_;
  WireSink* sink_;
  std::shared_ptr<TlsServerContext> context_;  // the handshake reads its certificates
  std::unique_ptr<TlsStream> tls_;
  TcpWire tcp_;
  loop::Deadline limit_;
  bool first_ = true, http2_ = false, failed_ = false, shut_ = false, closed_ = false, ended_ = false;
};

}  // namespace sluice::http
