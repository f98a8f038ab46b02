// What the connections of one server share: options, handler, the pool of streams and the list of deferred work.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "core/http/http2_stream.h"
#include "core/http/request_codec.h"
#include "core/http/server.h"
#include "core/http/server_stream.h"

namespace sluice::http {

class Connection;
class Http2Connection;

// One client connection, whatever it speaks.
class ServerPeer {
 public:
  virtual ~ServerPeer() = default;
  virtual void kill() = 0;          // Server::close(): ends now; the owners of running requests learn it
  virtual void drain() = 0;         // Server::drain(): ends as soon as nothing is in work
  virtual void run_deferred() = 0;  // what could not be done inside somebody's call; from the top of the stack

 private:
  friend class ServerCore;
  ServerPeer *previous_ = nullptr, *next_ = nullptr;  // all of the server
  ServerPeer* next_deferred_ = nullptr;
  bool deferred_ = false;
};

// Streams that are used again, and those whose memory somebody on the stack may still look into.
template <class T>
class StreamPool {
 public:
  ~StreamPool() {
    for (T** list : {&free_, &retired_})
      while (*list) delete std::exchange(*list, (*list)->next_);
  }
  T* acquire(BlockPool& blocks) {
    T* s = free_;
    if (!s) return new T{blocks};
    free_ = s->next_, --count_;
    return s;
  }
  void retire(T* s) { s->next_ = retired_, retired_ = s; }
  void recycle() {
    while (retired_) {
      T* s = std::exchange(retired_, retired_->next_);
      s->arena_.release();  // its blocks serve every stream of the worker
      if (ResponseKeeper* keeper = std::exchange(s->keeper_, nullptr)) keeper->on_response_over();
      if (count_ >= kKept) {
        delete s;
        continue;
      }
      s->next_ = free_, free_ = s, ++count_;
    }
  }

 private:
  static constexpr size_t kKept = 1024;
  T *free_ = nullptr, *retired_ = nullptr;
  size_t count_ = 0;
};

class ServerCore {
 public:
  ServerCore(loop::Loop&, Handler&, const ServerOptions&);
  ~ServerCore();
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  loop::Loop& loop;
  Handler* handler;
  ServerOptions options;
  RequestLimits limits;
  uint64_t header_timeout_ms = 0, idle_timeout_ms = 0;
  bool draining = false;

  void set_options(const ServerOptions&);
  void add(ServerPeer&);
  void remove(ServerPeer&);
  size_t connections() const { return count_; }
  // `f` may end the connection it is given.
  void for_each(void (*f)(ServerPeer&));

  Http1Stream* acquire(Connection&);
  Http2Stream* acquire(Http2Connection&, int32_t id);
  // Back to the pool at the next recycle(): code in the stream's arena may still be running.
  void retire(Http1Stream* s) { streams_.retire(s); }
  void retire(Http2Stream* s) { http2_streams_.retire(s); }
  // Only where no owner's code can be on the stack below.
  void recycle() { streams_.recycle(), http2_streams_.recycle(); }
  // peer.run_deferred() before the loop waits again.
  void defer(ServerPeer&);
  void undefer(ServerPeer&);

  // Where a connection of HTTP/2 puts frames together before they leave; empty between two calls.
  static constexpr size_t kFrames = 64 * 1024;
  char* frames() {
    if (!frames_) frames_ = std::make_unique<char[]>(kFrames);
    return frames_.get();
  }

  void on_empty(std::function<void()>);  // once, when the last connection is gone; on the loop, later
  void close();                          // the loop's handle

 private:
  void check_empty();
  static void turn(uv_prepare_t*);

  uv_prepare_t prepare_;
  bool closed_ = false;
  ServerPeer* all_ = nullptr;
  size_t count_ = 0;
  ServerPeer* deferred_ = nullptr;
  StreamPool<Http1Stream> streams_;
  StreamPool<Http2Stream> http2_streams_;
  std::unique_ptr<char[]> frames_;
  std::function<void()> empty_;
};

}  // namespace sluice::http
