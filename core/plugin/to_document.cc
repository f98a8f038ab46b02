#include <algorithm>
#include <boost/json/value.hpp>
#include <concepts>
#include <string>
#include <vector>

#include "core/document/builder.h"
#include "core/plugin/report.h"

namespace sluice::plugin {
namespace {

using document::Kind;
using document::Node;

Node number(Arena& arena, double v) {
  char text[40];
  return document::make_number(arena.copy({text, document::format_number(v, text)}));
}
template <std::integral T>
Node number(Arena& arena, T v, Written as) {
  if (as == Written::reference) return number(arena, static_cast<double>(v));
  return document::make_number(arena.copy(std::to_string(v)));
}

}  // namespace

// As deep as the configuration's parser allowed the text to be.
Node to_document(Arena& arena, const boost::json::value& v, Written as) {
  Node n;
  switch (v.kind()) {
    case boost::json::kind::null: return document::make_null();
    case boost::json::kind::bool_: return document::make_bool(v.get_bool());
    case boost::json::kind::int64: return number(arena, v.get_int64(), as);
    case boost::json::kind::uint64: return number(arena, v.get_uint64(), as);
    case boost::json::kind::double_: return number(arena, v.get_double());
    case boost::json::kind::string: return document::make_string(arena.copy(v.get_string()));
    case boost::json::kind::array: {
      const auto& a = v.get_array();
      n.kind = Kind::array;
      n.count = static_cast<uint32_t>(a.size());
      n.elements = arena.array<Node>(a.size());
      for (uint32_t i = 0; i < n.count; ++i) new (&n.elements[i]) Node{to_document(arena, a[i], as)};
      return n;
    }
    case boost::json::kind::object: {
      const auto& o = v.get_object();
      n.kind = Kind::object;
      n.members = arena.array<document::Member>(o.size());
      auto add = [&](const boost::json::key_value_pair& member) {
        auto* m = new (&n.members[n.count++]) document::Member;
        m->key = arena.copy(member.key());
        m->hash = document::hash_key(m->key);
        m->value = to_document(arena, member.value(), as);
      };
      if (as == Written::reference) {
        std::vector<const boost::json::key_value_pair*> sorted;
        for (const auto& member : o) sorted.push_back(&member);
        std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->key() < b->key(); });
        for (auto* member : sorted) add(*member);
      } else {
        for (const auto& member : o) add(member);
      }
      return n;
    }
  }
  return n;
}

document::Node* Trees::document_of(const boost::json::value& v) {
  document::Node*& root = roots[&v];
  if (!root) root = arena.make<document::Node>(to_document(arena, v, Written::exact));
  return root;
}

}  // namespace sluice::plugin
