// A client of the gateway: one connection, raw bytes or whole requests. Every wait has a limit and throws TimedOut.
#pragma once
#include <deque>

#include "tests/support/http.h"

namespace sluice::test {

class TestClient {
 public:
  explicit TestClient(uint16_t port, Limit limit = kLimit);

  Response get(std::string_view path, const Headers& headers = {}) { return request("GET", path, headers); }
  Response post(std::string_view path, std::string_view body, const Headers& headers = {}) {
    return request("POST", path, headers, body);
  }
  // Sends a request (Host and, with a body or a method that wants one, Content-Length are added) and reads its answer.
  Response request(std::string_view method, std::string_view path, const Headers& headers = {}, std::string_view body = {});
  void send_request(std::string_view method, std::string_view path, const Headers& headers = {}, std::string_view body = {});

  void send(std::string_view bytes) { wire_->write(bytes, limit_); }
  Response read(std::string_view method = "GET") { return read_response(reader_, method, limit_); }
  // The answer piece by piece: the head, then next_piece() until it returns "".
  Response read_head(std::string_view method = "GET");
  std::string next_piece() { return body_.done() ? "" : body_.next(reader_, limit_); }
  // Pieces until there are n bytes, or no more come.
  std::string next_bytes(size_t n);
  // Sends `block` again and again until there were `most` bytes, or the other side has taken none for half a second; how many.
  size_t send_until_stuck(std::string_view block, size_t most);
  std::string raw_line() { return reader_.line(limit_).value_or(""); }

  // Everything until the gateway closes the connection; a reset counts as closing.
  std::string read_until_closed();
  bool closed();  // waits for the end; false if bytes come instead
  void half_close() { wire_->shutdown_write(); }
  void reset() { wire_->reset(); }
  Wire& wire() { return *wire_; }

 private:
  Limit limit_;
  std::string host_;
  std::unique_ptr<Wire> wire_;
  Reader reader_;
  BodyReader body_ = BodyReader::none();
};

// One request on a connection of its own.
Response get_once(uint16_t port, std::string_view path, const Headers& headers = {});

}  // namespace sluice::test
