// What the connections of one server share: options, handler, the pool of streams and the list of deferred work.
#pragma once
#include <cstddef>
#include <functional>

#include "core/http/request_codec.h"
#include "core/http/server.h"
#include "core/http/server_stream.h"

namespace sluice::http {

class Connection;

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
  void add(Connection&);
  void remove(Connection&);
  size_t connections() const { return count_; }
  // `f` may end the connection it is given.
  void for_each(void (*f)(Connection&));

  Http1Stream* acquire(Connection&);
  // Back to the pool at the next recycle(): code in the stream's arena may still be running.
  void retire(Http1Stream*);
  // Only where no owner's code can be on the stack below.
  void recycle();
  // connection.run_deferred() before the loop waits again.
  void defer(Connection&);
  void undefer(Connection&);

  void on_empty(std::function<void()>);  // once, when the last connection is gone; on the loop, later
  void close();                          // the loop's handle

 private:
  void check_empty();
  static void turn(uv_prepare_t*);

  uv_prepare_t prepare_;
  bool closed_ = false;
  Connection* all_ = nullptr;
  size_t count_ = 0;
  Connection* deferred_ = nullptr;
  Http1Stream *free_ = nullptr, *retired_ = nullptr;
  size_t free_count_ = 0;
  std::function<void()> empty_;
};

}  // namespace sluice::http
