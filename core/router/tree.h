// The tree of segments behind Router: one root per method. Edges with literal text are in one hash table for all nodes,
// so a node with ten thousand children costs as little as one with two, and a node is 20 bytes.
//
// The bound on a match: '/' separates the segments of path and pattern alike, so a node at depth d is only ever tried
// with the path's segment d. A node has one parent, so one match visits it at most once: back-tracking costs at most
// one step per node of the method's tree, whatever the path (no blow-up in the number of segments).
//
// Routes of one path that differ in their conditions are variants of that place, in the order of precedence; where none fits,
// the walk goes on as if the place were empty. A tree without any condition is walked by code that does not know of them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/router/condition.h"
#include "core/router/pattern.h"

namespace sluice::router {

class Tree {
 public:
  struct Method {
    std::string name;
    uint32_t root;
  };
  struct Route {
    uint32_t number;
    uint32_t names, count;  // spans of the parameters' names
    uint32_t condition = 0;  // 1 + index in conditions_; 0: none
    uint32_t variants = 0;   // of the place's first route: 1 + index in variant_lists_; 0: it is the only one, without a condition
    bool fallback = false;
  };
  // What a match found on its way; the buffer is the caller's. Left uninitialised on purpose: a kilobyte per request.
  struct Captures {
    struct Text {
      const char* data;
      size_t size;
    } values[kMaxParameters];
    uint32_t count = 0;
    const Facts* facts = nullptr;  // nullptr: no condition is met
    void push(std::string_view s) { values[count++] = {s.data(), s.size()}; }
    std::string_view operator[](uint32_t i) const { return {values[i].data, values[i].size}; }
  };

  Tree();
  Result<bool, Problem> add(std::string_view method, std::string_view pattern, const Condition&, uint32_t number, uint32_t* clash);
  bool conditional() const { return !conditions_.empty(); }
  // Pairs of route numbers that one request can fit without a rule that says who leads.
  std::vector<std::pair<uint32_t, uint32_t>> ambiguities() const;
  const std::vector<Method>& methods() const { return methods_; }  // sorted by name
  const Method* method(std::string_view name) const;
  // The route for `path` (begins with '/') below `root`; nullptr: none. Captures are those of the route.
  const Route* match(uint32_t root, std::string_view path, Captures&) const;
  // The same with literal text in any case. Writes the path in the patterns' spelling, of the same length, to `out`.
  bool match_any_case(uint32_t root, std::string_view path, const Facts*, char* out) const;
  std::string_view name(const Route& route, uint32_t i) const { return view(spans_[route.names + i]); }

 private:
  struct Span {
    uint32_t at, size;
  };
  struct Node {
    uint32_t literals = 0;   // number of edges in the hash table
    uint32_t mixed = 0;      // 1 + index in mixed_lists_
    uint32_t parameter = 0;  // node
    uint32_t rest = 0;       // 1 + index in routes_
    uint32_t route = 0;      // 1 + index in routes_, for a path that ends here
  };
  struct Slot {
    uint32_t hash = 0;
    uint32_t parent = 0;
    Span text{0, 0};
    uint32_t child = 0;  // 0: free (node 0 is nobody's child)
  };
  struct Mixed {
    uint32_t texts, count;  // spans of the literal texts
    uint32_t length;        // of all texts
    uint32_t child;
  };
  struct Spelling {
    std::string_view path;
    char* out;
    const Facts* facts;
  };

  std::string_view view(Span s) const { return std::string_view{text_}.substr(s.at, s.size); }
  Span store(std::string_view);
  uint32_t new_node();
  uint32_t literal_child(uint32_t parent, std::string_view) const;
  uint32_t make_literal_child(uint32_t parent, std::string_view);
  uint32_t make_mixed_child(uint32_t parent, const Segment&);
  void rehash();
  // <0: `a` is tried first.
  int compare(const Mixed& a, const std::vector<std::string>& texts, size_t length) const;
  template <bool any_case>
  bool match_mixed(const Mixed&, std::string_view segment, Captures*, char* out) const;
  bool add_variant(uint32_t& place, const Route&, const Condition&, uint32_t* clash);
  const Condition& condition(uint32_t route) const;  // 1 + index in routes_
  uint32_t pick(uint32_t place, const Facts*) const;
  template <bool conditional>
  uint32_t walk(uint32_t node, std::string_view path, size_t at, Captures&) const;
  bool walk_any_case(uint32_t node, const Spelling&, size_t at) const;

  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  uint32_t used_ = 0;
  std::vector<Route> routes_;
  std::vector<Mixed> mixed_;
  std::vector<std::vector<uint32_t>> mixed_lists_;  // in the order of precedence
  std::vector<Condition> conditions_;
  std::vector<std::vector<uint32_t>> variant_lists_;  // 1 + index in routes_, in the order of precedence
  std::vector<Span> spans_;
  std::string text_;
  std::vector<Method> methods_;
};

}  // namespace sluice::router
