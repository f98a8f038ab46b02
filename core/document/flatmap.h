// flatmap_filter: moving, deleting and appending along paths that go through objects and lists (pipeline.md §6.1).
// Compiled at load, applied on a worker; allocates from the exchange's arena only.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/document/node.h"

namespace sluice::document {

// A list of operations in the order written. Immutable once it is shared; outlives the documents it was applied to: new names
// are views of the paths.
class Flatmap {
 public:
  // They bound how deep a document can become, and with it the recursion that puts it together again.
  static constexpr size_t kMaxSegments = 32;
  static constexpr size_t kMaxOperations = 256;

  // One operation: "move" (2 paths), "del" (at least 1), "append" (2). Dotted paths, "*" is any one label. nullptr: taken;
  // else why not, and the list is as before.
  const char* add(std::string_view type, const std::vector<std::string>& paths);
  bool empty() const { return operations_.empty(); }
  // Null stays null. Only what a path leads through is expanded; what no operation changes keeps its source text.
  void apply(Arena&, Node& data) const;

 private:
  enum class Kind : uint8_t { move, del, append };
  static constexpr uint32_t kNoIndex = UINT32_MAX;
  struct Segment {
    std::string text;
    uint32_t hash = 0;
    uint32_t index = kNoIndex;  // when the text is the label of a list's element
    bool any = false;           // "*"
  };
  using Path = std::vector<Segment>;
  struct Operation {
    Kind kind;
    std::vector<Path> paths;
  };
  static Path parse(std::string_view dotted);
  class Editor;
  std::vector<Operation> operations_;
};

}  // namespace sluice::document
