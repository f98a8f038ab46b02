// Bytes as lines: operations ("m from to", "d path", "a from to") up to an empty line, then a document: one token a line, '{', '['
// and '}' open and close, "key" before each value of an object. Whatever the operations, the result is a sound tree: keys are
// unique, and applying it twice from the same source gives the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/document/builder.h"
#include "core/document/flatmap.h"
#include "core/document/write.h"

namespace {

using namespace sluice;
using namespace sluice::document;

bool build(Arena& arena, std::string_view text, Node* out) {
  Builder b{arena, nullptr};
  std::string open;
  bool key = false;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    bool object = !open.empty() && open.back() == '{';
    if (line == "}") {
      if (open.empty() || !b.end()) break;
      open.pop_back();
      key = false;
    } else if (object && !key) {
      b.key(line);
      key = true;
    } else if (line == "{" || line == "[") {
      if (open.size() > 200 || !b.begin(line == "{" ? Kind::object : Kind::array)) return false;
      open += line[0];
      key = false;
    } else {
      b.string(line);
      key = false;
    }
  }
  if (key) b.null();
  for (size_t i = open.size(); i-- > 0;) b.end();
  return b.finish(out);
}

void check(Node& n) {
  if (n.kind == Kind::object)
    for (uint32_t i = 0; i < n.count; ++i) {
      if (n.members[i].hash != hash_key(n.members[i].key)) std::abort();
      if (n.count <= 64)
        for (uint32_t j = 0; j < i; ++j)
          if (n.members[i].key == n.members[j].key) std::abort();
      check(n.members[i].value);
    }
  if (n.kind == Kind::array)
    for (uint32_t i = 0; i < n.count; ++i) check(n.elements[i]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), std::min<size_t>(size, 4096)};
  Flatmap flatmap;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    std::vector<std::string> paths;
    for (size_t at = line.find(' '); at != line.npos;) {
      size_t next = line.find(' ', at + 1);
      paths.emplace_back(line.substr(at + 1, next == line.npos ? next : next - at - 1));
      at = next;
    }
    flatmap.add(line[0] == 'm' ? "move" : line[0] == 'd' ? "del" : line[0] == 'a' ? "append" : "other", paths);
  }
  BlockPool pool;
  Arena arena{pool};
  Node first;
  if (!build(arena, text, &first)) return 0;
  std::string before = to_json(arena, first);
  Node second = share(first), kept = share(first);
  flatmap.apply(arena, first);
  check(first);
  flatmap.apply(arena, second);
  if (to_json(arena, first) != to_json(arena, second) || to_json(arena, kept) != before) std::abort();
  return 0;
}
