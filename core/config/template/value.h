// The values that a template works with: those of Go's text/template as far as settings and functions can make them. Values are
// small and are copied freely; texts, lists and maps belong to a Heap and live as long as it does, so a map that holds itself
// (`set $d "d" $d`) is no leak. [one thread per Heap]
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config::tmpl {

// Where a value came from, for `render --explain` and for messages.
struct Origin {
  enum class Kind : uint8_t {
    setting,        // `file`, `pointer`
    environment,    // variable `pointer`
    partial,        // the text of `file`
    missing_file,   // a name of the root that no settings file has: `pointer`
    missing_key,    // a key that the settings in `file` do not have: `pointer`; `near`: the closest key that is there
  } kind = Kind::setting;
  std::string_view file, pointer, near;
};

struct List;
struct Map;

struct Value {
  enum class Kind : uint8_t {
    none,        // nil, null and what is missing
    boolean,
    integer,     // Go's int
    integer64,   // Go's int64: equal to the other for comparisons, another type for `typeOf` and `has`
    real,        // float64: every number of the settings
    text,
    list,
    map,
    time,        // nanoseconds since 1970
    duration,    // nanoseconds
  };
  Kind kind = Kind::none;
  union {
    bool boolean;
    int64_t integer = 0;
    double real;
    List* list;
    Map* map;
  };
  std::string_view text{};
  const Origin* origin = nullptr;

  bool is(Kind k) const { return kind == k; }
  bool none() const { return kind == Kind::none; }
  bool whole() const { return kind == Kind::integer || kind == Kind::integer64; }
  bool number() const { return whole() || kind == Kind::real; }
};

struct List {
  std::vector<Value> items;
  std::string_view type = "[]interface {}";  // as Go names it
};

struct Map {
  std::map<std::string, Value, std::less<>> members;
  std::string_view type = "map[string]interface {}";
  std::string_view settings;  // file that it came from; "": none
  std::string_view pointer;   // there
  bool root = false;          // the map of all settings
};

// Owns what values point to, and says when it is too much.
class Heap {
 public:
  static constexpr size_t kMost = size_t{256} << 20;

  // False from the moment on that more than kMost bytes were asked for; functions ask before they build something large.
  bool within() const { return used_ <= kMost; }
  bool fits(size_t more) const { return more <= kMost - std::min(used_, kMost); }

  std::string_view keep(std::string text);
  Value text(std::string s);
  List* list(size_t room = 0);
  Map* map();
  const Origin* origin(Origin::Kind, std::string_view file, std::string_view pointer, std::string_view near = {});
  void charge(size_t bytes) { used_ = used_ > kMost ? used_ : used_ + std::min(bytes, kMost + 1); }

  // A JSON value as Go's decoder has it: numbers are floats. `file` not empty: of these settings, at `pointer`.
  Value from_json(const boost::json::value&, std::string_view file = {}, const std::string& pointer = {});

 private:
  std::deque<std::string> texts_;
  std::deque<List> lists_;
  std::deque<Map> maps_;
  std::deque<Origin> origins_;
  size_t used_ = 0;
};

Value boolean(bool);
Value integer(int64_t);
Value integer64(int64_t);
Value real(double);
Value view(std::string_view);  // text that somebody else keeps
Value of(List*);
Value of(Map*);

// Go's truth: not zero, not empty.
bool truth(const Value&);
// As Go's %T says it, and its reflect.Kind.
std::string_view type_of(const Value&);
std::string_view kind_of(const Value&);
// "the text \"abc\"", "the number 5 (int)", "nothing": for messages.
std::string described(const Value&);
// reflect.DeepEqual. What is nested deeper than kMaxNesting, or takes more than a million comparisons, counts as unequal.
bool deep_equal(const Value&, const Value&);
inline constexpr size_t kMaxNesting = 200;

}  // namespace sluice::config::tmpl
