#include "mask.h"

#include <algorithm>

namespace example {
namespace {
bool is_digit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

void Mask::pass(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    const size_t digits = static_cast<size_t>(std::find_if_not(piece.begin(), piece.end(), is_digit) - piece.begin());
    held_.append(piece.substr(0, digits));
    piece.remove_prefix(digits);
    hiding_ = hiding_ || held_.size() >= least_;
    if (hiding_ && held_.size() > keep_) {
      out.append(held_.size() - keep_, '*');
      held_.erase(0, held_.size() - keep_);
    }
    if (piece.empty()) return;  // the number may go on
    finish(out);
    const size_t others = static_cast<size_t>(std::find_if(piece.begin(), piece.end(), is_digit) - piece.begin());
    out.append(piece.substr(0, others));
    piece.remove_prefix(others);
  }
}

void Mask::finish(std::string& out) {
  out.append(held_);
  held_.clear();
  hiding_ = false;
}

bool Mask::leaves_alone(std::string_view piece) const {
  return held_.empty() && !hiding_ && std::none_of(piece.begin(), piece.end(), is_digit);
}

}  // namespace example
