// One HTTP request that a plugin makes (slc_loop_api.http): collects the answer up to a limit and calls back once.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/http/client.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin {

// What a plugin's URL names: origin and request target. [worker]
struct CalloutUrl {
  std::string origin;     // "https://name:port"
  std::string target;     // path and query
};
// Refuses other schemes, user information, blanks and control characters.
bool split_url(std::string_view url, CalloutUrl* out);

// The origins that a worker's callouts have used; few, so they are kept.
class Origins {
 public:
  static constexpr size_t kMost = 1024;
  std::shared_ptr<const http::Origin> find(const std::string& origin);

 private:
  std::unordered_map<std::string, std::shared_ptr<const http::Origin>> known_;
};

class Callout final : public Operation, private http::CallSink {
 public:
  static constexpr uint32_t kDefaultTimeoutMs = 2000, kDefaultMaxBody = 1 << 20;
  Callout(slc_worker&, slc_reply_fn);

  // Copies the request. False: an invalid URL, method or header; nothing was sent.
  bool prepare(const slc_callout&, Origins&);
  void start();

 private:
  struct Alarm : loop::Deadline {
    Callout* callout = nullptr;
  };
  void on_response(const http::ResponseHead*, http::Slices, bool last) noexcept override;
  void on_error(const Error&) noexcept override;
  void on_writable() noexcept override {}
  void finish(slc_status, std::string_view error);  // calls back and destroys this

  slc_worker& worker_;
  slc_reply_fn fn_;
  Arena arena_;
  std::shared_ptr<const http::Origin> origin_;
  http::Slice bytes_[2];
  uint32_t byte_pieces_ = 1, timeout_ms_ = 0, max_body_ = 0;
  bool head_method_ = false, idempotent_ = true;
  int status_ = 0;
  ArenaVector<slc_str> headers_;
  std::string body_;
  Alarm alarm_;
  http::ClientCall call_;  // last: destroyed first
};

}  // namespace sluice::plugin
