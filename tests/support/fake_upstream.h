// A backend under the test's control: a real HTTP/1.1 server on 127.0.0.1. Routes answer by themselves, or leave each request
// to the test ("manual"), which then plays the backend with the verbs of Call. Every wait has a limit and throws TimedOut.
//
// What a backend must not see fails the test when the upstream is destroyed: a request cut off in the middle, an answer that
// could not be delivered, a request nobody waited for on a manual route. tolerate_disconnects() allows the first two.
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "tests/support/http.h"
#include "tests/support/server.h"

namespace sluice::test {

struct Reply {
  int status = 200;
  Headers headers;
  std::string body;
  static Reply json(std::string text, int status = 200) {
    return {status, {{"Content-Type", "application/json"}}, std::move(text)};
  }
};

class FakeUpstream {
 public:
  struct Request {
    std::string method, target, path;  // path: the target without its query
    Headers headers;
    std::string body;    // empty if the route leaves the body to the test
    int connection = 0;  // 1: the first one accepted
  };
  using Handler = std::function<Reply(const Request&)>;
  struct Pending;

  // One request that the test answers itself. Copyable; the connection goes on when finish(), answer(), close() or reset()
  // was called. Used by one thread at a time.
  class Call {
   public:
    const Request& request() const;
    void answer(const Reply& reply);
    // The head alone; without a length the pieces are sent as chunks.
    void send_head(int status = 200, const Headers& headers = {}, std::optional<uint64_t> length = {});
    void send_piece(std::string_view bytes);
    void finish();  // the last chunk, or nothing more to say
    void send_raw(std::string_view bytes);
    // Writes until `n` bytes are gone or the peer has not read for `quiet`; returns what was sent. Only with a known length.
    size_t send_until_blocked(size_t n, Limit quiet);
    std::string read_body_some();   // of a route that leaves the body; "" at its end
    void wait_for_disconnect();     // the gateway closes the connection
    void close();                   // FIN, whatever is missing
    void reset();                   // RST

   private:
    friend class FakeUpstream;
    explicit Call(std::shared_ptr<Pending> p) : pending_(std::move(p)) {}
    std::shared_ptr<Pending> pending_;
  };

  explicit FakeUpstream(TlsServerContext* tls = nullptr);  // HTTPS with it, which outlives this
  ~FakeUpstream();

  // Routes by path; "*" is for all others. A later call replaces an earlier one. Without any: 404.
  void on(const std::string& path, Reply reply);
  void on(const std::string& path, Handler handler);
  enum class Body { read, left };
  void manual(const std::string& path, Body body = Body::read);
  void tolerate_disconnects() { tolerant_ = true; }

  uint16_t port() const { return server_->port(); }
  std::string url() const { return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port()); }

  Call wait_for_request(const std::string& path, Limit limit = kLimit);   // of a manual route
  void wait_for_count(const std::string& path, int at_least, Limit limit = kLimit);
  int count(const std::string& path = "") const;  // "": all
  std::vector<Request> requests() const;  // the first 20,000
  int connections_accepted() const { return server_->accepted(); }
  int connections_open() const { return server_->open(); }
  void wait_for_open_connections(int exactly) { server_->wait_open(exactly); }

  void refuse() { server_->close_listener(); }  // new connections; those there are stay
  void reopen() { server_->reopen(); }
  void end_connections() { server_->shut_connections(); }
  void kill();                                   // both, and whoever waits for an answer gets none
  void stall();                                  // requests are read and recorded, answers wait for resume()
  void resume();

 private:
  struct Route {
    Handler handler;
    bool manual = false, leave_body = false;
  };
  void serve(ConnectionServer::Connection& connection);
  void complain(const std::string& what);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Route> routes_;
  std::vector<Request> seen_;
  std::map<std::string, int> counts_;  // by path; "": all
  std::deque<std::shared_ptr<Pending>> waiting_;
  std::vector<std::string> complaints_;
  bool stalled_ = false, ending_ = false;
  std::atomic<bool> tolerant_{false};
  const bool tls_;
  std::unique_ptr<ConnectionServer> server_;
};

std::string reply_bytes(const Reply& reply, std::string_view method);

}  // namespace sluice::test
