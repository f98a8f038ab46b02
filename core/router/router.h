// The path tree: percent-decoded request path → route and parameters. Built at load, immutable, read by all workers
// without allocation. pipeline.md §2; deviation 25: any set of patterns is allowed, precedence does not depend on
// order.
//
// Pattern segments: literal text; "{name}" a parameter up to the next '/', empty only inside a path ("/a//b"), not at
// its end; text and parameters mixed in one segment ("v{n}", "{name}:rename", "{a}.{b}"); a final "{name...}" or "*"
// takes the rest, slashes included. A name is made of letters, digits and "_-.:" (ASCII); any other "{" is literal
// text, and "{{}" always is one literal "{". A rest may be empty ("/a/*" matches "/a/"); it is reported like a
// parameter, "*" under the name "*". At each place literal beats mixed (longest literal text first) beats parameter
// beats rest, with back-tracking.
//
// Several routes may have the same method and pattern if their conditions (condition.h) differ: the first one that the
// request meets takes it, in the order of precedence(); if it meets none, the pattern does not match. The path decides before
// the conditions do.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/router/condition.h"

namespace sluice::router {

struct Param {
  std::string_view name;   // as written in the pattern
  std::string_view value;  // of the request's path
};

struct Match {
  uint32_t route = 0;         // number given to add()
  ArenaVector<Param> params;  // in pattern order
};

class Router {
 public:
  Router();
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // `pattern` begins with '/', is cleaned already ('//', '.', '..'). Fails when an equal pattern (same shape, whatever
  // the parameter names) is there for this method, naming the route number of the other in `*clash`, or when malformed.
  Result<bool, Problem> add(std::string_view method, std::string_view pattern, uint32_t route, uint32_t* clash);
  // A fallback gives way to a route that is equal but for that, and is no clash with it.
  Result<bool, Problem> add(std::string_view method, std::string_view pattern, const Condition&, uint32_t route, uint32_t* clash);
  // Some route has a condition: find() and allowed() need the facts then, or none is met.
  bool conditional() const;
  // Pairs of route numbers with the same method and pattern whose conditions are ambiguous(), and nobody settles it.
  std::vector<std::pair<uint32_t, uint32_t>> ambiguities() const;

  enum class Found : uint8_t { yes, redirect, method_not_allowed, no };
  struct Options {
    bool redirect_trailing_slash = true;
    bool redirect_fixed_path = true;
    bool method_not_allowed = true;
  };
  // `path`: percent-decoded. redirect: *location is the decoded path to go to (in the arena). method_not_allowed:
  // *allow is "GET, POST" (sorted). A match costs no allocation but the params array.
  Found find(std::string_view method, std::string_view path, const Options&, Arena&, Match*, std::string_view* location,
             std::string_view* allow, const Facts* = nullptr) const;
  // Methods with a route that matches `path`, sorted, ", " between.
  std::string_view allowed(std::string_view path, Arena&, const Facts* = nullptr) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Cleans a path as config.md §4.1 does: repeated slashes, "." and ".." resolved, trailing slash kept. Begins with '/'.
std::string clean_path(std::string_view);
// A pattern without the names of its parameters: equal for those that add() takes for the same.
std::string shape(std::string_view pattern);
// `text` as a pattern that matches exactly it: braces that are no parameters.
std::string literal(std::string_view text);
// A pattern for people: "{{}" as the one brace it stands for.
std::string readable(std::string_view pattern);

}  // namespace sluice::router
