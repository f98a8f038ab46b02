#include "core/plugin/isolate/wire.h"

#include <vector>

namespace sluice::plugin::isolate {
namespace {

enum Token : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject, kKey, kEnd };

}  // namespace

// With a stack of its own: documents may be 10,000 levels deep.
bool Writer::tree(Arena* arena, document::Node& root) {
  using document::Kind;
  struct Level {
    document::Node* node;
    uint32_t next, count;
  };
  static thread_local std::vector<Level> levels;
  levels.clear();
  uint32_t values = 0;
  auto value = [&](document::Node& n) {
    ++values;
    switch (n.kind) {
      case Kind::null: u8(kNull); break;
      case Kind::boolean: u8(document::boolean(arena, n) ? kTrue : kFalse); break;
      case Kind::number: u8(kNumber), text(document::text(arena, n)); break;
      case Kind::string: u8(kString), text(document::text(arena, n)); break;
      case Kind::array:
      case Kind::object:
        u8(n.kind == Kind::array ? kArray : kObject);
        levels.push_back({&n, 0, document::count(arena, n)});
        break;
    }
  };
  value(root);
  while (!levels.empty()) {
    if (values > kMostValues) return false;
    Level& top = levels.back();
    if (top.next == top.count) {
      u8(kEnd);
      levels.pop_back();
      continue;
    }
    bool object = top.node->kind == Kind::object;
    std::string_view key;
    document::Node* child = document::at(arena, *top.node, top.next++, &key);
    if (object) u8(kKey), text(key);
    if (child)
      value(*child);  // may move `top`
    else
      u8(kNull);
  }
  return true;
}

bool Reader::tree(document::Builder& b, document::Node* out) {
  uint32_t depth = 0, values = 0;
  do {
    auto token = static_cast<Token>(u8());
    if (!ok_) return false;
    bool fits = false;
    if (token < kKey && ++values > Writer::kMostValues) return fail(), false;
    switch (token) {
      case kNull: fits = b.null(); break;
      case kFalse:
      case kTrue: fits = b.boolean(token == kTrue); break;
      case kNumber: fits = b.number_text(text()); break;
      case kString: fits = b.string(text()); break;
      case kArray:
      case kObject: fits = b.begin(token == kArray ? document::Kind::array : document::Kind::object), ++depth; break;
      case kKey: fits = depth > 0 && b.key(text()); break;
      case kEnd: fits = depth > 0 && b.end(); --depth; break;
    }
    if (!fits || !ok_) return fail(), false;
  } while (depth > 0);
  if (!b.finish(out)) return fail(), false;
  return true;
}

}  // namespace sluice::plugin::isolate
