// JSON for judging: numbers are kept as their literal text, so that 1, 1.0 and 1e0 differ, and duplicate keys are noticed.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

class Json {
 public:
  enum class Kind { null, boolean, number, string, array, object };
  using Members = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  explicit Json(bool b) : kind_(Kind::boolean), flag_(b) {}
  static Json text(std::string s) { return make(Kind::string, std::move(s)); }
  static Json number(std::string literal) { return make(Kind::number, std::move(literal)); }
  static Json integer(long long n) { return number(std::to_string(n)); }
  static Json array() { return make(Kind::array, ""); }
  static Json object() { return make(Kind::object, ""); }

  // Of duplicate keys the last wins, at the place of the first; `duplicates` tells whether there were any. Up to 2,000 levels.
  // nullopt: not JSON (strict, nothing may follow but blanks).
  static std::optional<Json> parse(std::string_view text, bool* duplicates = nullptr);
  static Json parse_or_throw(std::string_view text, std::string_view what);

  Kind kind() const { return kind_; }
  bool is(Kind k) const { return kind_ == k; }
  bool truth() const;                                // as a condition: false, null, 0, "" and empty are false
  const std::string& str() const { return text_; }  // of a string; the literal of a number
  long long whole(long long otherwise = 0) const;   // of a number
  double real() const;
  std::vector<Json>& items() { return items_; }
  const std::vector<Json>& items() const { return items_; }
  Members& members() { return members_; }
  const Members& members() const { return members_; }
  const Json* find(std::string_view key) const;  // nullptr: no such member, or not an object
  Json* find(std::string_view key);
  const Json& at(std::string_view key) const;  // a null value if there is none
  bool has(std::string_view key) const { return find(key) != nullptr; }
  void set(std::string key, Json value);
  void erase(std::string_view key);
  void push(Json value) { items_.push_back(std::move(value)); }
  size_t size() const { return kind_ == Kind::object ? members_.size() : items_.size(); }

  // Objects with their members in any order; numbers by their literals.
  friend bool operator==(const Json& a, const Json& b);

  struct Style {
    bool spaces = false;  // ", " and ": "
    bool ascii = false;   // everything else escaped
    bool sorted = false;  // members by key
  };
  std::string dump(Style style) const;
  std::string dump() const { return dump(Style{}); }

 private:
  static Json make(Kind k, std::string s) {
    Json j;
    j.kind_ = k;
    j.text_ = std::move(s);
    return j;
  }
  void dump_to(std::string& out, Style style) const;

  Kind kind_ = Kind::null;
  bool flag_ = false;
  std::string text_;
  std::vector<Json> items_;
  Members members_;
};

}  // namespace sluice::test
