// What the tests read from pages of documentation: code blocks, and links that must lead somewhere.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

struct CodeBlock {
  std::string mark;      // X of a line "<!-- X -->" directly above, or empty
  std::string language;  // what follows the fence
  std::string text;
  int line = 0;          // of the fence
};
std::vector<CodeBlock> code_blocks(std::string_view page);

// What `](…)` names outside of code, in order.
struct Link {
  std::string target;
  int line = 0;
};
std::vector<Link> links(std::string_view page);

// As GitHub makes them of headings: "## What is built in" is "what-is-built-in".
std::vector<std::string> anchors(std::string_view page);

// Every .md below `folder`, build trees and hidden folders left out, sorted.
std::vector<std::filesystem::path> pages_below(const std::filesystem::path& folder);

// "file:line: why" for each relative link of the pages below `folder` that leads to no file, or to no heading of one, or out
// of the folder.
std::vector<std::string> dead_links(const std::filesystem::path& folder);

}  // namespace sluice::test
