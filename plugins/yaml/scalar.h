// What a scalar without quotes means (YAML 1.2 core schema, and what older readers take it for).
#pragma once
#include <string_view>

namespace sluice::yaml {

enum class Plain {
  text,
  null,
  truth,    // true, True, TRUE
  lie,      // false, False, FALSE
  integer,  // decimal, or with 0x, 0o, 0b; may have a sign and underscores
  decimal,  // a number with fraction or exponent
  special,  // .inf, .nan: numbers that JSON does not know
};

Plain classify(std::string_view);

// Would some reader take this text for anything but a string? Dates, y and no, base 60 and merge keys included.
bool means_something(std::string_view);

}  // namespace sluice::yaml
