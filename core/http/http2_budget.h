// How much of what a client may do for free it may do: a bucket that fills with time.
#pragma once
#include <algorithm>
#include <cstdint>

namespace sluice::http {

class Http2Budget {
 public:
  Http2Budget(uint32_t burst, uint32_t per_second) : burst_{burst}, per_second_{per_second}, left_{burst} {}
  // False: it is used up.
  bool take(uint64_t now_ms) {
    if (left_ == 0) {
      // Looked at only when it is empty: the usual client never gets here.
      uint64_t fresh = (now_ms - since_ms_) * per_second_ / 1000;
      if (fresh == 0) return false;
      left_ = static_cast<uint32_t>(std::min<uint64_t>(burst_, fresh));
      since_ms_ = now_ms;
    }
    --left_;
    return true;
  }
  void begin(uint64_t now_ms) { since_ms_ = now_ms; }

 private:
  uint32_t burst_, per_second_, left_;
  uint64_t since_ms_ = 0;
};

}  // namespace sluice::http
