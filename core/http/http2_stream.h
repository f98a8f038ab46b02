// One HTTP/2 request and its response. Pooled by the server; belongs to a connection until the protocol's stream is closed
// and the owner has released it. What it has to send is pulled from it, as the client's windows allow.
#pragma once
#include "core/http/input_buffer.h"
#include "core/http/response_writer.h"
#include "core/http/server.h"

namespace sluice::http {

class Http2Connection;

class Http2Stream final : public Stream {
 public:
  explicit Http2Stream(BlockPool& pool) : arena_{pool} {}
  ~Http2Stream() = default;

  Arena& arena() override { return arena_; }
  const RequestHead& head() override { return head_; }
  std::string_view peer_ip() override;
  bool secure() override;
  void set_owner(StreamOwner* owner) override { owner_ = owner; }

  bool body_complete() override { return ended_ && in_.size() == 0; }
  Slice body() override { return body_; }
  void read_body() override;
  void pause_body() override { paused_ = true; }
  void resume_body() override;

  void respond(const ResponseHead&, Slices body, Life) override;
  void start(const ResponseHead&, Slices first, Life) override;
  bool write(Slices, Life) override;
  void finish() override;
  void abort() override;
  void close_after() override {}  // about connections of one request at a time: the others here need not suffer
  bool started() override { return started_; }
  void release() override;

 private:
  friend class Http2Connection;
  friend struct Http2Callbacks;
  friend class ServerCore;
  template <class T>
  friend class StreamPool;
  static constexpr size_t kHighWater = 64 * 1024;  // queued bytes from which write() says no

  void attach(Http2Connection&, int32_t id);  // a new request begins
  // Sends the head. `length` -1: unknown.
  void begin(const ResponseHead&, int64_t length, bool body_follows);
  void append(Slices);
  size_t available() const { return fixed_size_ + out_.size(); }
  void take(char* to, size_t n);  // the next bytes of the body
  void reset(uint32_t code);

  Arena arena_;
  RequestHead head_;
  Http2Connection* connection_ = nullptr;
  StreamOwner* owner_ = nullptr;
  Http2Stream* next_ = nullptr;                              // in the server's lists
  Http2Stream *previous_of_all_ = nullptr, *next_of_all_ = nullptr, *next_event_ = nullptr;  // in the connection's
  int32_t id_ = 0;

  // request
  std::string_view authority_;
  ArenaVector<std::string_view> cookies_;
  InputBuffer in_;               // body that nobody has taken yet, within the window
  Slice body_;
  size_t head_size_ = 0;         // as RFC 9113 §6.5.2 counts
  loop::Deadline read_deadline_, write_deadline_;
  Errc body_error_ = Errc::none;
  int refusal_ = 0;              // status for a head that is not let in

  // response
  Slice* fixed_ = nullptr;       // of respond(): they stay where they are
  size_t fixed_count_ = 0, fixed_size_ = 0;
  InputBuffer out_;              // copies of everything else
  int64_t left_ = 0;             // of an announced length
  BodyKind kind_ = BodyKind::none;

  bool fresh_ = false;           // a whole head that nobody has seen yet
  bool begun_ = false;           // somebody has
  bool queued_ = false;          // in the connection's list of events
  bool ended_ = false;           // the request is complete
  bool reading_ = false, paused_ = false, continue_due_ = false;
  bool started_ = false, complete_ = false, aborted_ = false, released_ = false;
  bool sent_end_ = false;        // the response has left nghttp2
  bool stalled_ = false;         // nghttp2 found nothing to send and waits to be told
  bool want_drain_ = false, drained_ = false;
  bool closed_ = false;          // the protocol's stream is over
  bool gone_ = false;            // nothing can be sent any more
};

}  // namespace sluice::http
