// Strict JSON (RFC 8259) text to values. Numbers are the nearest double (Boost.JSON 1.81 itself may be one digit off).
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

inline constexpr size_t kMaxDepth = 200;              // nesting of objects and lists
inline constexpr size_t kMaxText = size_t{64} << 20;  // bytes of a configuration file

struct SyntaxFault {
  size_t offset = 0;
  std::string message;
};

// nullopt: refused, `fault` says where and what was expected.
std::optional<boost::json::value> parse_json(std::string_view text, SyntaxFault& fault);

}  // namespace sluice::config
