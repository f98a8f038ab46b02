// Part of sluice/testing.hpp: the fake exchange, and the small records that tests look at.
#ifndef SLUICE_DETAIL_TESTING_EXCHANGE_HPP
#define SLUICE_DETAIL_TESTING_EXCHANGE_HPP
#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/detail/testing_json.hpp"

namespace sluice::testing {

class FakeHost;

// A line that the plugin logged.
struct LogLine {
  int32_t level;
  std::string text;
};
// What a constructor reported about its block.
struct Problem {
  std::string pointer, message;
  bool warning = false;
};
// One header line of a FakeExchange.
struct HeaderLine {
  std::string_view name, value;
};
// What fail() recorded.
struct Failure {
  int32_t http_status;
  std::string why, body, content_type;
};

// Behind slc_report.
struct FakeReport {
  FakeHost* host;
  int32_t scope;
  std::string place, location;
  slc_report* handle() { return reinterpret_cast<slc_report*>(this); }
  static FakeReport& of(slc_report* r) { return *reinterpret_cast<FakeReport*>(r); }
};

// Behind slc_exchange. Set the public fields as the test needs them before the hook runs.
class FakeExchange {
 public:
  explicit FakeExchange(FakeHost& host, int32_t scope = SLC_AT_ENDPOINT, uint32_t worker = 0)
      : scope{scope}, host_{host}, worker_{worker} {}
  ~FakeExchange() { finish(); }
  FakeExchange(const FakeExchange&) = delete;
  FakeExchange& operator=(const FakeExchange&) = delete;

  std::string method = "GET", path = "/", query, host = "localhost", client_ip = "192.0.2.1", request_id = "1", scheme = "http",
              route = "/", peer_ip = "192.0.2.1";
  std::map<std::string, std::string, std::less<>> params;
  std::string request_body, response_body;
  int32_t status = 0;
  Json data;
  bool has_data = false, complete = false;
  slc_status outcome = SLC_OK;
  std::string outcome_text;
  int32_t scope;
  std::optional<Failure> failure;      // what fail() recorded
  std::optional<slc_action> resumed;   // what a resume asked for
  uint32_t resumes = 0;                // resumes that counted
  // By side: what chunk hooks and others emitted, what expect() said, what the resume of a chunk hook asked for.
  std::string emitted[2];
  int64_t expected[2] = {SLC_LENGTH_UNKNOWN, SLC_LENGTH_UNKNOWN};
  std::optional<slc_action> chunk_resumed[2];
  uint32_t remaining_ms = UINT32_MAX;  // until the host ends it
  int32_t in_chunk = -1;               // side of the chunk hook that is running
  // Of a transport that streams: how long it said that the body would be that follows; how that ended; how long the request's is,
  // if not as request_body.
  std::optional<int64_t> follows;
  bool body_finished = false;
  std::optional<std::string> body_broken;  // with this text
  std::optional<int64_t> request_length;

  void add_header(int32_t side, std::string_view name, std::string_view value) { lines(side).push_back({keep(name), keep(value)}); }
  // First value of that name, any letter case; absent: empty.
  std::string_view header(int32_t side, std::string_view name) {
    for (const auto& l : lines(side)) {
      if (same(l.name, name)) return l.value;
    }
    return {};
  }
  std::vector<HeaderLine>& lines(int32_t side) { return side == SLC_RESPONSE ? response_lines_ : request_lines_; }
  bool suspended() const { return token_ != 0; }
  uint32_t worker_index() const { return worker_; }
  FakeHost& owner() { return host_; }
  slc_exchange* handle() { return reinterpret_cast<slc_exchange*>(this); }
  static FakeExchange& of(slc_exchange* x) { return *reinterpret_cast<FakeExchange*>(x); }

  // on_done of every binding that had a hook, newest first; then timers, callouts and the suspension end. Once.
  inline void finish();

  // ---- for Configured and the service tables ----
  bool streaming_transport = false, takes_pieces = false;  // has on_room, on_request_chunk
  size_t emitted_in_all = 0;                               // also what the test took out of `emitted`
  bool wrong_length() const { return *follows >= 0 && emitted_in_all != static_cast<size_t>(*follows); }
  using Done = void (*)(void* configured, FakeExchange&, void** slot);
  void** slot(void* configured, Done done) {
    for (auto& s : slots_) {
      if (s.configured == configured) return &s.value;
    }
    slots_.push_back({configured, done, nullptr});
    return &slots_.back().value;
  }
  inline void hook_returned(slc_action a);
  inline void take_document();
  std::string_view keep(std::string_view s) { return memory_.emplace_back(s); }
  void* alloc(size_t size, size_t align) {
    auto& piece = pieces_.emplace_back(std::make_unique<std::byte[]>(size + align));
    void* p = piece.get();
    size_t room = size + align;
    return std::align(align, size, p, room);
  }
  static bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
  }
  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; }

 private:
  friend class FakeHost;
  struct SlotOf {
    void* configured;
    Done done;
    void* value;
  };
  FakeHost& host_;
  uint32_t worker_;
  std::vector<HeaderLine> request_lines_, response_lines_;
  std::deque<std::string> memory_;
  std::vector<std::unique_ptr<std::byte[]>> pieces_;
  std::deque<SlotOf> slots_;
  std::optional<JsonBuilder> building_;
  slc_token token_ = 0, chunk_tokens_[2] = {0, 0};
  bool finished_ = false;
};

}  // namespace sluice::testing
#endif
