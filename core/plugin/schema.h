// The JSON Schema (draft 7) of a binding. valijson judges; our own walk over the common keywords explains, because a person
// has to find the mistake. Immutable, [any].
#pragma once
#include <boost/json/value.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sluice::plugin {

struct Violation {
  std::string pointer;  // absolute
  std::string message;
};

// A key of a block that its schema does not mention.
struct UnknownKey {
  std::string pointer;  // absolute
  std::string hint;     // " (did you mean \"max_rate\"?)"; empty: it is near none of the known ones
};

class Schema {
 public:
  // Problem: what is wrong with the schema itself.
  static Result<std::shared_ptr<const Schema>, Problem> compile(std::string_view text);
  ~Schema();
  // Every violation; `pointer` is the absolute one of `value`. Empty: valid.
  std::vector<Violation> check(const boost::json::value& value, const std::string& pointer) const;
  // Keys of a valid `value`, at any depth, that no part of the schema mentions (schema_keys.cc). Remarks are none of them, nor are keys of an object
  // for which the schema names no properties, has a pattern, or says what further ones are ("additionalProperties").
  std::vector<UnknownKey> unknown_keys(const boost::json::value& value, const std::string& pointer) const;
  const boost::json::value& document() const { return document_; }

 private:
  Schema() = default;
  struct Compiled;
  boost::json::value document_;
  std::unique_ptr<Compiled> compiled_;
};

// The walk: appends what it finds wrong with `value`. Knows type, enum, const, the bounds of numbers, strings, arrays and
// objects, pattern, items, properties, patternProperties, additionalProperties, required, allOf, anyOf, oneOf, not,
// if/then/else and local $ref; finds nothing where only other keywords are violated.
void explain(const boost::json::value& root, const boost::json::value& schema, const boost::json::value& value,
             const std::string& pointer, std::vector<Violation>& out, int depth = 0);

// `schema`, or what its local $ref stands for; nullptr: nothing that `root` has.
const boost::json::value* resolve(const boost::json::value& root, const boost::json::value& schema);

}  // namespace sluice::plugin
