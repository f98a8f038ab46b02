// Response manipulation of one backend (pipeline.md §6) and the merge of parts (§5.1).
// Compiled at load from the configuration, applied on a worker; allocates from the exchange's arena only.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/document/flatmap.h"
#include "core/document/node.h"

namespace sluice::document {

// Told what each rule of a shape left, in the order of application: the place from which an account of an answer learns why a
// field is there, or is not. Nobody pays for it who passes none.
class ShapeTrace {
 public:
  enum class Rule : uint8_t { target, flatmap, allow, deny, mapping, group };
  // One name of mapping that was there; the value of `to` that was there before is gone. Told before applied(mapping).
  virtual void renamed(std::string_view from, std::string_view to) = 0;
  virtual void applied(Rule, Node& data) = 0;

 protected:
  ~ShapeTrace() = default;
};

// target → allow or deny → mapping → group, or target → flatmap → group, in this order. Immutable after construction; shared by all workers.
// Outlives the documents it was applied to: new names are views of the options.
class Shape {
 public:
  struct Options {
    std::string target;                                        // dotted path, empty: none
    std::vector<std::string> allow, deny;                      // dotted paths; deny counts only when allow is empty
    std::vector<std::pair<std::string, std::string>> mapping;  // in document order of the configuration
    std::string group;                                         // literal key, empty: none
    std::shared_ptr<const Flatmap> flatmap = nullptr;          // takes the place of allow, deny and mapping (variant B)
  };
  Shape() = default;
  explicit Shape(Options);
  bool empty() const { return !any_; }
  // Names of the top level that the rules can let through; nullptr: all of them. For Builder::want_only.
  const std::vector<std::string>* wanted() const { return wanted_.empty() ? nullptr : &wanted_; }
  // The answer is only put under a name: nothing looks into it. For Builder::want_whole.
  bool only_groups() const { return only_groups_; }
  // Names are moved about in a way that nobody foresees.
  bool moves() const { return options_.flatmap != nullptr; }
  // `data`: an object or null. Rules that need no look inside leave values deferred.
  void apply(Arena&, Node& data, ShapeTrace* = nullptr) const;
  const Options& options() const { return options_; }

 private:
  struct Tree;  // allow or deny paths as a trie with the precedence rules of pipeline.md §6
  struct Rename {
    std::string from, to;
    uint32_t from_hash, to_hash;
  };
  void rename(Arena&, Node& object, ShapeTrace*) const;
  Options options_;
  std::vector<std::string> target_path_;
  std::vector<std::string> wanted_;
  std::shared_ptr<const Tree> filter_;
  std::vector<Rename> renames_;
  uint32_t group_hash_ = 0;
  bool deny_ = false, any_ = false, only_groups_ = false;
};

// Shallow merge in the order given: a later part's top-level keys overwrite (deviation 1: declaration order). Null parts
// contribute nothing. The result is an object, possibly empty.
Node merge(Arena&, std::span<Node> parts);

// Puts the members of `extra` into `data` at top level, overwriting (proxy.static, §10). A null `data` becomes an object.
// `extra` is an expanded object, such as a configuration tree: it is only read, and `data` never leads into it.
void overlay(Arena&, Node& data, const Node& extra);

// Dotted path through objects, no descent into arrays; nullptr when absent.
Node* find_path(Arena&, Node& data, std::string_view dotted);

}  // namespace sluice::document
