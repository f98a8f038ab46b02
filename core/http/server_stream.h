// One HTTP/1 request and its response: what the gateway sees of a connection. Pooled by the server; belongs to a connection
// from the request's head until the response has left and the owner has released it.
#pragma once
#include "core/http/request_codec.h"
#include "core/http/response_writer.h"
#include "core/http/server.h"

namespace sluice::http {

class Connection;

class Http1Stream final : public Stream {
 public:
  explicit Http1Stream(BlockPool& pool) : arena_{pool} {}
  ~Http1Stream() = default;

  Arena& arena() override { return arena_; }
  const RequestHead& head() override { return head_; }
  std::string_view peer_ip() override;
  bool secure() override;
  void set_owner(StreamOwner* owner) override { owner_ = owner; }

  bool body_complete() override;
  Slice body() override { return body_; }
  void read_body() override;
  void pause_body() override;
  void resume_body() override;

  void respond(const ResponseHead&, Slices body, Life) override;
  void start(const ResponseHead&, Slices first, Life) override;
  bool write(Slices, Life) override;
  void finish() override;
  void abort() override;
  void close_after() override;
  bool started() override { return started_; }
  void release() override;

 private:
  friend class Connection;
  friend class ServerCore;
  template <class T>
  friend class StreamPool;
  static constexpr size_t kHighWater = 64 * 1024;  // queued bytes from which write() says no
  static constexpr unsigned kBatch = 512;          // buffers of one vectored write
  struct WriteDeadline : loop::Deadline {
    Http1Stream* self = nullptr;
  };

  void attach(Connection&);  // a new request begins
  ResponsePlan plan(const ResponseHead&, int64_t length, size_t given);
  void send(std::string_view prefix, Slices, std::string_view suffix, Life);
  bool wants_body() const { return reading_ && !paused_ && !released_; }

  Arena arena_;
  RequestHead head_;
  Connection* connection_ = nullptr;
  StreamOwner* owner_ = nullptr;
  Http1Stream* next_ = nullptr;  // in the server's lists
  WriteDeadline write_deadline_;
  Slice body_;
  int64_t left_ = 0;             // of an announced length
  BodyKind kind_ = BodyKind::none;
  bool started_ = false, complete_ = false, aborted_ = false, released_ = false, gone_ = false;
  bool reading_ = false, paused_ = false, tell_end_ = false;
  bool continue_due_ = false;    // the client waits for "100 Continue"
  bool want_drain_ = false;
};

}  // namespace sluice::http
