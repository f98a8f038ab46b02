// Finds long numbers in a text that comes in pieces, and hides all but their last digits.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace example {

// One text. What is hidden does not depend on how the text was cut into pieces, and the text keeps its length. It remembers the
// end of a number that may go on in the next piece: at most `least` or `keep` digits, however long the number is.
class Mask {
 public:
  // Numbers of at least `least` digits show only the last `keep`; keep < least.
  Mask(size_t least, size_t keep) : least_{least}, keep_{keep} {}

  // Appends to `out` what is known after this piece.
  void pass(std::string_view piece, std::string& out);
  // The text has ended: what was held back.
  void finish(std::string& out);
  // True: `piece` would pass unchanged, and nothing is held back before or after it. Cheap.
  bool leaves_alone(std::string_view piece) const;

 private:
  size_t least_, keep_;
  std::string held_;     // digits that are not decided yet
  bool hiding_ = false;  // the number is long enough: everything but what is held has been hidden
};

}  // namespace example
