// A listening socket with a thread per connection: the common part of the fake backends. Every public function may be called
// from any thread.
#pragma once
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/support/wire.h"

namespace sluice::test {

class ConnectionServer {
 public:
  struct Connection {
    int number = 0;  // 1 is the first one accepted
    std::unique_ptr<Wire> wire;
  };
  // Runs on the connection's thread until the connection is done with. What it throws goes to `on_error`.
  using Handler = std::function<void(Connection&)>;
  using ErrorHandler = std::function<void(int number, const std::string& what)>;

  ConnectionServer(Handler, ErrorHandler, TlsServerContext* tls = nullptr);
  ~ConnectionServer() { stop(); }

  uint16_t port() const { return port_.number(); }
  void close_listener();  // connections are refused from now on
  void reopen();          // on the same port
  void shut_connections();  // as the end of the process would: each connection ends, whatever is going on
  void stop();
  bool stopping() const;

  int accepted() const;
  int open() const;
  void wait_open(int exactly, Limit limit = kLimit);

 private:
  struct Slot {
    std::shared_ptr<Connection> connection;
    std::thread thread;
    bool ended = false;
  };
  void accept_loop(int listener, int wake);
  void serve(Slot& slot, Fd fd);

  Handler handler_;
  ErrorHandler on_error_;
  TlsServerContext* tls_;
  ReservedPort port_;
  Fd listener_, wake_read_, wake_write_;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Slot> slots_;
  int accepted_ = 0, open_ = 0;
  bool stopping_ = false;
};

}  // namespace sluice::test
