// The fast way to validate JSON: simdjson's first stage finds every bracket, colon, comma, opening quote and first byte of a
// scalar, and checks UTF-8, unclosed strings and control characters; an own walk over these places checks the grammar and
// records the members of the top-level object. Measured at two thirds of simdjson's DOM, which keeps no source positions.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "scan.h"

namespace sluice::json {

// simdjson's parser object, kept per worker for its memory. One thread at a time.
class Index {
 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;
  // False: this text is for scan(), which says whether and why it is wrong. Reads exactly text.size() bytes.
  bool build(std::string_view text);
  const uint32_t* places() const;
  uint32_t count() const;
  // Gives back what an unusually big document needed.
  void shrink();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Validates the object or array that `text` (index built from it) begins with, blanks in front allowed; escapes included.
// False: scan() knows why. `members` may be null: nobody asks for them. *begin and *end: its range. *escapes: there are any.
bool walk(std::string_view text, const Index&, Members* members, size_t* begin, size_t* end, bool* escapes);

}  // namespace sluice::json
