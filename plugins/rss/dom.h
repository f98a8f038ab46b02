// The XML of a feed as a small tree, with namespaces reduced to the prefixes that readers of feeds agree on.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::rss {

struct Element {
  std::string prefix;  // "" for the feed's own elements; "dc", "itunes", … whatever the document calls them
  std::string name;    // lower case, without prefix
  std::string written;  // the name as it stands, for markup inside texts
  std::vector<std::pair<std::string, std::string>> attributes;  // names without prefix, but for xml:lang
  // Text and elements in their order: a piece is a text, or the index of a child.
  struct Piece {
    std::string text;
    size_t child = SIZE_MAX;
  };
  std::vector<Piece> pieces;
  std::vector<std::unique_ptr<Element>> children;

  std::string_view attribute(std::string_view name) const;
  // Trimmed; elements inside are written out as markup.
  std::string text() const;
  bool own() const { return prefix.empty(); }
};

// Null: *why. Nested at most kMaxDepth deep, so that recursion over it is safe.
constexpr size_t kMaxDepth = 256;
std::unique_ptr<Element> read(std::string_view body, std::string* why);

std::string_view trimmed(std::string_view);

}  // namespace sluice::rss
