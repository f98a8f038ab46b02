#include <boost/json/value.hpp>
#include <charconv>

#include "core/plugin/report.h"

namespace sluice::plugin {
namespace {

using document::Kind;
using document::Node;

template <class T>
Node number(Arena& arena, T v) {
  char text[32];
  auto [end, ec] = std::to_chars(text, text + sizeof text, v);
  return document::make_number(arena.copy({text, static_cast<size_t>(end - text)}));
}

}  // namespace

// As deep as the configuration's parser allowed the text to be.
Node to_document(Arena& arena, const boost::json::value& v) {
  Node n;
  switch (v.kind()) {
    case boost::json::kind::null: return document::make_null();
    case boost::json::kind::bool_: return document::make_bool(v.get_bool());
    case boost::json::kind::int64: return number(arena, v.get_int64());
    case boost::json::kind::uint64: return number(arena, v.get_uint64());
    case boost::json::kind::double_: return number(arena, v.get_double());
    case boost::json::kind::string: return document::make_string(arena.copy(v.get_string()));
    case boost::json::kind::array: {
      const auto& a = v.get_array();
      n.kind = Kind::array;
      n.count = static_cast<uint32_t>(a.size());
      n.elements = arena.array<Node>(a.size());
      for (uint32_t i = 0; i < n.count; ++i) new (&n.elements[i]) Node{to_document(arena, a[i])};
      return n;
    }
    case boost::json::kind::object: {
      const auto& o = v.get_object();
      n.kind = Kind::object;
      n.members = arena.array<document::Member>(o.size());
      for (const auto& member : o) {
        auto* m = new (&n.members[n.count++]) document::Member;
        m->key = arena.copy(member.key());
        m->hash = document::hash_key(m->key);
        m->value = to_document(arena, member.value());
      }
      return n;
    }
  }
  return n;
}

document::Node* Trees::document_of(const boost::json::value& v) {
  document::Node*& root = roots[&v];
  if (!root) root = arena.make<document::Node>(to_document(arena, v));
  return root;
}

}  // namespace sluice::plugin
