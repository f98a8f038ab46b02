#include "tests/support/test_client.h"

#include <algorithm>

namespace sluice::test {

TestClient::TestClient(uint16_t port, Limit limit)
    : limit_(limit),
      host_("127.0.0.1:" + std::to_string(port)),
      wire_(std::make_unique<Wire>(connect_to(port, limit))),
      reader_(*wire_) {}

void TestClient::send_request(std::string_view method, std::string_view path, const Headers& headers, std::string_view body) {
  std::string out = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\n";
  if (!headers.has("Host")) out += "Host: " + host_ + "\r\n";
  for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
  bool framed = headers.has("Content-Length") || headers.has("Transfer-Encoding");
  if (!framed && (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")) {
    out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  send(out + "\r\n" + std::string(body));
}

Response TestClient::request(std::string_view method, std::string_view path, const Headers& headers, std::string_view body) {
  send_request(method, path, headers, body);
  return read(method);
}

Response TestClient::read_head(std::string_view method) {
  auto head = reader_.head(limit_);
  if (!head) throw ConnectionLost("the connection was closed without an answer");
  Response out;
  out.status = status_of(*head);
  out.headers = head->headers;
  out.closing = will_close(*head);
  body_ = BodyReader::of_response(*head, out.status, method);
  return out;
}

std::string TestClient::read_until_closed() {
  std::string out;
  try {
    for (;;) {
      std::string piece = reader_.some(1 << 20, limit_);
      if (piece.empty()) return out;
      out += piece;
    }
  } catch (const ConnectionLost&) {
    return out;
  }
}

bool TestClient::closed() {
  try {
    return reader_.some(1, limit_).empty();
  } catch (const ConnectionLost&) {
    return true;
  }
}

Response get_once(uint16_t port, std::string_view path, const Headers& headers) { return TestClient(port).get(path, headers); }

std::string TestClient::next_bytes(size_t n) {
  std::string out;
  while (out.size() < n) {
    std::string piece = next_piece();
    if (piece.empty()) break;
    out += piece;
  }
  return out;
}

size_t TestClient::send_until_stuck(std::string_view block, size_t most) {
  size_t sent = 0;
  while (sent < most) {
    const size_t n = wire_->write_now(block.substr(0, std::min(block.size(), most - sent)));
    sent += n;
    if (n == 0 && !wait_writable(wire_->fd(), Limit(500))) break;
  }
  return sent;
}

}  // namespace sluice::test
