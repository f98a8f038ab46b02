#include "tests/support/markdown.h"

#include <algorithm>
#include <cctype>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
  return line;
}

bool is_fence(std::string_view line) { return line.starts_with("```"); }

// f(line, number) for each line that is not in a code block.
template <class F>
void each_line_of_prose(std::string_view page, F&& f) {
  bool inside = false;
  for (int number = 1; !page.empty(); ++number) {
    const std::string_view line = take_line(page);
    if (is_fence(line)) inside = !inside;
    else if (!inside) f(line, number);
  }
}

// Without what stands between backticks.
std::string without_code(std::string_view line) {
  std::string out;
  bool code = false;
  for (const char c : line) {
    if (c == '`') code = !code;
    else if (!code) out += c;
  }
  return out;
}

std::string why_dead(const fs::path& root, const fs::path& page, std::string_view target) {
  const size_t hash = target.find('#');
  const std::string_view file = target.substr(0, hash);
  const fs::path to = file.empty() ? page : page.parent_path() / file;
  if (!fs::exists(to)) return "no such file";
  const std::string inside = fs::relative(fs::weakly_canonical(to), fs::weakly_canonical(root)).string();
  if (inside.starts_with("..")) return "leads out of the folder";
  if (hash == target.npos || to.extension() != ".md") return "";
  const auto known = anchors(read_file(to.string()));
  return std::find(known.begin(), known.end(), target.substr(hash + 1)) == known.end() ? "no such heading" : "";
}

}  // namespace

std::vector<CodeBlock> code_blocks(std::string_view page) {
  std::vector<CodeBlock> out;
  std::string_view above;
  bool inside = false;
  for (int number = 1; !page.empty(); ++number) {
    const std::string_view line = take_line(page);
    if (!inside && is_fence(line)) {
      CodeBlock block;
      block.language = line.substr(3);
      block.line = number;
      constexpr std::string_view begin = "<!-- ", end = " -->";
      if (above.starts_with(begin) && above.ends_with(end))
        block.mark = above.substr(begin.size(), above.size() - begin.size() - end.size());
      out.push_back(std::move(block));
      inside = true;
    } else if (inside && is_fence(line)) {
      inside = false;
    } else if (inside) {
      out.back().text.append(line).append("\n");
    }
    above = line;
  }
  return out;
}

std::vector<Link> links(std::string_view page) {
  std::vector<Link> out;
  each_line_of_prose(page, [&](std::string_view line, int number) {
    const std::string text = without_code(line);
    for (size_t at = text.find("]("); at != text.npos; at = text.find("](", at + 2)) {
      const size_t end = text.find(')', at);
      if (end != text.npos) out.push_back({text.substr(at + 2, end - at - 2), number});
    }
  });
  return out;
}

std::vector<std::string> anchors(std::string_view page) {
  std::vector<std::string> out;
  each_line_of_prose(page, [&](std::string_view line, int) {
    const size_t text = line.find_first_not_of('#');
    if (text == 0 || text == line.npos || line[text] != ' ') return;
    std::string anchor;
    for (const char c : line.substr(text + 1)) {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') anchor += static_cast<char>(std::tolower(c));
      else if (c == ' ') anchor += '-';
    }
    out.push_back(std::move(anchor));
  });
  return out;
}

std::vector<fs::path> pages_below(const fs::path& folder) {
  std::vector<fs::path> out;
  for (auto at = fs::recursive_directory_iterator{folder}; at != fs::recursive_directory_iterator{}; ++at) {
    const std::string name = at->path().filename().string();
    if (at->is_directory() && (name.starts_with('.') || (at.depth() == 0 && name.starts_with("build")))) at.disable_recursion_pending();
    else if (at->path().extension() == ".md") out.push_back(at->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> dead_links(const fs::path& folder) {
  std::vector<std::string> out;
  for (const fs::path& page : pages_below(folder)) {
    for (const Link& link : links(read_file(page.string()))) {
      if (link.target.find("://") != link.target.npos || link.target.starts_with("mailto:")) continue;
      const std::string why = why_dead(folder, page, link.target);
      if (!why.empty()) out.push_back(fs::relative(page, folder).string() + ":" + std::to_string(link.line) + ": " + link.target + ": " + why);
    }
  }
  return out;
}

}  // namespace sluice::test
