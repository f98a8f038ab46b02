// Fields of a JSON object that somebody else wrote, a gateway of another version for one: what is absent, or of another kind, is empty. [any]
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::app {

inline std::optional<std::string> text_if(const boost::json::object& o, std::string_view key) {
  const boost::json::value* v = o.if_contains(key);
  return v && v->is_string() ? std::optional{std::string{v->get_string()}} : std::nullopt;
}
inline std::string text(const boost::json::object& o, std::string_view key) { return text_if(o, key).value_or(""); }

// A whole number that is not negative.
inline std::optional<uint64_t> number_if(const boost::json::object& o, std::string_view key) {
  const boost::json::value* v = o.if_contains(key);
  boost::system::error_code wrong;
  const uint64_t n = v && v->is_number() ? v->to_number<uint64_t>(wrong) : 0;
  return v && v->is_number() && !wrong ? std::optional{n} : std::nullopt;
}
inline uint64_t number(const boost::json::object& o, std::string_view key) { return number_if(o, key).value_or(0); }

inline bool is_true(const boost::json::object& o, std::string_view key) {
  const boost::json::value* v = o.if_contains(key);
  return v && v->is_bool() && v->get_bool();
}
inline const boost::json::array* list(const boost::json::object& o, std::string_view key) {
  const boost::json::value* v = o.if_contains(key);
  return v ? v->if_array() : nullptr;
}

}  // namespace sluice::app
