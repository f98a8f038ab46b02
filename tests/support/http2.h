// HTTP/2 frame by frame, for a judge: the test says which frames leave, and sees each one that comes. Only the decompression of
// header fields is a library's.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/http.h"

struct nghttp2_hd_inflater;

namespace sluice::test {

struct Frame {
  enum Type : uint8_t { data, headers, priority, reset, settings, push, ping, goaway, window, continuation };
  uint8_t type = 0, flags = 0;
  uint32_t stream = 0;
  std::string payload;
  bool end_stream() const { return (type == data || type == headers) && (flags & 1); }
  uint32_t number(size_t at = 0) const;  // 32 bits of the payload
};

class Http2Client {
 public:
  struct Answer {
    int status = 0;
    Headers headers;
    std::string body;
    bool complete = false;          // END_STREAM came
    std::optional<uint32_t> reset;  // RST_STREAM came, with this code
    std::string header(std::string_view name) const { return headers.get(name); }
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;
  static constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;

  // Takes the wire and sends the preface with empty settings.
  explicit Http2Client(std::unique_ptr<Wire> wire, bool preface = true);
  ~Http2Client();
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  static std::string preface();
  static std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload = {});
  static std::string fields(const Fields& fields);  // literal, nothing compressed
  static Fields request(const std::string& method, const std::string& path, const Fields& more = {});
  static std::string number(uint32_t n);            // four bytes

  void send(std::string_view bytes) { wire_->write(bytes, kLimit); }
  // A request of the next stream; its number.
  uint32_t ask(const Fields& fields, bool end = true);
  uint32_t get(const std::string& path, const Fields& more = {}) { return ask(request("GET", path, more)); }
  void data(uint32_t stream, std::string_view bytes, bool end) { send(frame(Frame::data, end ? kEndStream : 0, stream, bytes)); }

  // The next frame; throws ConnectionLost at the end of the connection. Heads are decoded into the answers, data is added to
  // them; nothing is answered but settings.
  Frame next();
  // Reads until this stream's answer is over, giving back the room that its data took.
  const Answer& finish(uint32_t stream);
  Answer& answer(uint32_t stream) { return answers_[stream]; }
  // The next frame of this type, whatever comes before it.
  Frame until(uint8_t type);
  // The code of the GOAWAY that comes.
  uint32_t goaway() { return until(Frame::goaway).number(4); }
  bool closed();  // waits for the end, whatever comes before
  Wire& wire() { return *wire_; }

 private:
  void decode(const Frame&);
  std::unique_ptr<Wire> wire_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string buffer_;
  std::map<uint32_t, Answer> answers_;
  uint32_t next_stream_ = 1;
};

}  // namespace sluice::test
