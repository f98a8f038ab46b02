// The two ends that a checked gateway has: a client and a backend, both on 127.0.0.1, both as rude as the check wants them.
// Blocking; threads of their own.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::app::check {

struct Answer {
  int status = 0;         // 0: none came; `problem` says why
  std::string head, body;
  std::string problem;    // "no answer within 10000 ms", "the connection was closed", …
  std::string header(std::string_view name) const;  // first of that name, any letter case; "" when absent
};

// One connection.
class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  bool connected() const { return fd_ >= 0; }
  bool send(std::string_view bytes);
  Answer read(uint64_t limit_ms, bool head_only = false);
  void leave(bool reset);  // with a reset, or politely

 private:
  bool fill(uint64_t until_ms);
  int fd_ = -1;
  std::string buffer_;
};

// "GET /x HTTP/1.1" with Host, Connection: close and, with a body, its length.
std::string request_text(std::string_view method, std::string_view target, std::string_view headers = {}, std::string_view body = {});
Answer ask(uint16_t port, std::string_view request, uint64_t limit_ms);

// How the backend hands "ok" and "big" over: with its length, in chunks of one byte, or in a few pieces with pauses between them.
enum class Delivery : uint8_t { whole, bytes, slow };

// Answers by the last part of the path: ok, empty, error, garbage, reset, chunked (byte by byte), cut (breaks off in its body),
// late (never, until the gateway leaves), big, headers, deep, sample (a few bytes that are no JSON). Everything else is ok. Lives as long as
// the process: its threads do.
class Backend {
 public:
  Backend();
  ~Backend() = delete;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void set_delivery(Delivery d) { delivery_ = d; }  // of the answers that begin now. [any]

 private:
  void accept_loop();
  void serve(int fd);
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<Delivery> delivery_{Delivery::whole};
};

// A port that was free a moment ago; 0: none could be found.
uint16_t free_port();

// The document that the backend answers with.
std::string_view sample_document();

}  // namespace sluice::app::check
