// Typed access to the objects of a configuration, reporting what does not fit. Nothing stops at the first problem: a
// value that does not fit is reported and read as if it were absent.
#pragma once
#include <boost/json/value.hpp>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/environment.h"
#include "core/config/grammar.h"
#include "core/config/model.h"
#include "core/config/report.h"

namespace sluice::config {

// What all readers of one configuration share.
struct Reading {
  Report& report;
  Origins origins;

  void error(const std::string& pointer, std::string message);
  void warning(const std::string& pointer, std::string message);
  // "expected `what`, found …"
  void mismatch(const std::string& pointer, std::string_view what, const boost::json::value& found, bool fatal = true);
};

// "the text \"abc\"", "the number 5", "a list", …
std::string describe(const boost::json::value&);
std::string quote(std::string_view);  // in double quotes, shortened
// " (did you mean \"x\"?)", or empty.
std::string suggestion(std::string_view name, std::span<const std::string_view> names);
// A key that configurations have for people or editors: "$schema", "_x", "@comment", "//".
bool is_remark(std::string_view key);
// Warns about keys of `object` that are close to a known one. Remarks stay silent.
void warn_unknown(Reading&, const boost::json::object& object, const std::string& pointer,
                  std::span<const std::string_view> known);

// An object of the root, endpoint and backend grammar: keys in any case, weak types (config.md §1).
class Fields {
 public:
  struct Found {
    const boost::json::value* value = nullptr;  // never JSON null
    std::string pointer;
    explicit operator bool() const { return value != nullptr; }
  };

  // `object` is a JSON object and outlives this; `grammar` has every key that is asked for.
  Fields(Reading& reading, const boost::json::value& object, std::string pointer, const Grammar& grammar)
      : reading_{&reading}, object_{&object}, pointer_{std::move(pointer)}, grammar_{&grammar} {}

  // An object that stands under a free key, or among other kinds of values: its reader says by asking what it may have, and
  // the schema does not judge it unless the table says how (Type::members, Type::named).
  Fields(Reading& reading, const boost::json::value& object, std::string pointer)
      : reading_{&reading}, object_{&object}, pointer_{std::move(pointer)} {}

  const boost::json::value& value() const { return *object_; }
  const std::string& pointer() const { return pointer_; }
  // Where `key` stands, or where it would.
  std::string pointer_of(std::string_view key) { return find(key).pointer; }
  Reading& reading() const { return *reading_; }

  Found find(std::string_view key);
  std::string text(std::string_view key);
  bool flag(std::string_view key);
  // Zero when absent; outside [least, most] is reported.
  int64_t integer(std::string_view key, int64_t least = INT64_MIN, int64_t most = INT64_MAX);
  Duration duration(std::string_view key);  // zero: unset
  std::vector<std::string> texts(std::string_view key);
  std::vector<int> integers(std::string_view key, int most);
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key);  // an object of texts
  std::optional<Fields> object(std::string_view key);
  std::vector<Fields> objects(std::string_view key);

  // Warns about unknown keys.
  void finish();

 private:
  bool may_ask(std::string_view key, std::initializer_list<Type>);
  Found find_as(std::string_view key, std::initializer_list<Type>);
  std::vector<Found> elements(const Found&);
  const Grammar& inner(std::string_view key) const;

  Reading* reading_;
  const boost::json::value* object_;
  std::string pointer_;
  const Grammar* grammar_ = nullptr;   // nullptr: free
  std::vector<std::string_view> asked_;  // of a free object
};

// A block of the core's own namespaces: exact keys, exact types. `strict` reports a wrong type as an error; otherwise
// as a warning, and the value is ignored as the reference does.
class Options {
 public:
  // `block` may be null: every option is absent.
  Options(Reading& reading, const Block* block, const Grammar& grammar, bool strict);

  const boost::json::value* find(std::string_view key);  // nullptr: absent or null
  bool flag(std::string_view key, bool otherwise = false);
  std::optional<std::string> text(std::string_view key);
  // Outside [least, most] counts as a wrong type.
  int64_t integer(std::string_view key, int64_t otherwise, int64_t least, int64_t most);
  std::vector<std::string> texts(std::string_view key);
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key);  // an object of texts
  const boost::json::value* object(std::string_view key);
  std::vector<Block> objects(std::string_view key);  // each to be read as a block of its own
  // A known key that this version does not carry out: says so where it is given (and not false or 0).
  void without_effect(std::string_view key, std::string_view why);
  std::string pointer_of(std::string_view key) const { return join(pointer_, key); }
  void finish();

 private:
  const boost::json::value* find_as(std::string_view key, Type);

  Reading* reading_;
  const Grammar* grammar_;
  const boost::json::object* object_ = nullptr;
  std::string pointer_;
  bool strict_;
};

}  // namespace sluice::config
