// Merging the parts of an answer by rules: what becomes of a key that several parts have. The rule-less merge of the reference is
// document::merge() (shape.h), which this never slows down; with default rules both give the same document.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/node.h"

namespace sluice::document {

enum class Strategy : uint8_t {
  overwrite,  // the later part's value
  first,      // the earlier part's value
  deep,       // objects are merged member by member; of other values the later one
  concat,     // lists are joined, another value is one element, null none; without any list the later value
  zip,        // lists of objects: elements with an equal member are merged, others go to the end
  error,      // nobody may have a key twice
};
std::string_view to_string(Strategy);

// Which strategy holds for which key. Immutable once it is shared; outlives the documents it was applied to.
class MergeRules {
 public:
  static constexpr size_t kMaxSegments = 32;  // with it the recursion along configured paths is bounded
  MergeRules() = default;
  // For every key of the top level without a rule of its own. `by`: the member that zip compares.
  explicit MergeRules(Strategy fallback, std::string by = {});
  // For the key at this dotted path. What the path leads through is merged deeply. nullptr: taken; else why not.
  const char* add(std::string_view dotted, Strategy, std::string by = {});

 private:
  friend class Combiner;
  struct Rule {
    std::string key, by;
    uint32_t hash = 0, by_hash = 0;
    bool given = false;  // else only on the way to others
    Strategy strategy = Strategy::overwrite;
    std::vector<Rule> below;
  };
  static const Rule* find(const std::vector<Rule>&, std::string_view key, uint32_t hash);
  Rule root_{};  // strategy and by of the top level
};

// Told where each member of the result comes from, in the order in which that is decided: the last word about a path holds.
// The place from which an account of an answer learns the origin of its fields; nobody pays for it who passes none.
class MergeTrace {
 public:
  // `path`: keys from the top, ended by the member itself. `part`: index among the parts that were given. `of_both`: the value was
  // made of this part's and of what stood there.
  virtual void member(std::span<const std::string_view> path, uint32_t part, Strategy, bool of_both) = 0;

 protected:
  ~MergeTrace() = default;
};

// Two parts have a key that only one may have. Views live as long as the parts.
struct MergeConflict {
  static constexpr uint32_t kUnknown = UINT32_MAX;
  std::string_view key;
  uint32_t first = kUnknown, second = 0;  // parts; the first one is known of keys of the top level
};

// Merges the parts in the order given; parts that are no objects contribute nothing. False: *conflict says what may not be, and
// *out is unspecified.
bool combine(Arena&, std::span<Node> parts, const MergeRules&, Node* out, MergeConflict* conflict, MergeTrace* trace = nullptr);

}  // namespace sluice::document
