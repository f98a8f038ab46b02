// Keys of a block that its schema does not mention: schemas let them pass, and create() never looks at them, so a misspelt
// option would be off without a word.
#include <algorithm>
#include <boost/json.hpp>
#include <regex>

#include "core/config/fields.h"
#include "core/plugin/schema.h"

namespace sluice::plugin {
namespace {

namespace json = boost::json;

constexpr int kDeepest = 64;  // also ends a $ref that refers to itself
constexpr size_t kMostParts = 1000, kMostFound = 100;

// The schemas that have a say about one value. Which alternative of several was meant does not matter: each one's keys are known.
using Parts = std::vector<const json::object*>;

class KeyWalk {
 public:
  KeyWalk(const json::value& root, std::vector<UnknownKey>& out) : root_{root}, out_{out} {}

  void value(const Parts& parts, const json::value& v, const std::string& at, int depth) {
    if (parts.empty() || depth > kDeepest || out_.size() >= kMostFound) return;
    if (v.is_object()) object(parts, v.get_object(), at, depth);
    if (v.is_array()) array(parts, v.get_array(), at, depth);
  }

  // Adds `schema` and what it is combined of.
  void add(const json::value& schema, Parts& parts, int depth = 0) const {
    const json::value* s = depth < kDeepest && parts.size() < kMostParts ? resolve(root_, schema) : nullptr;
    const json::object* o = s ? s->if_object() : nullptr;
    if (!o) return;
    parts.push_back(o);
    for (const char* keyword : {"allOf", "anyOf", "oneOf"})
      if (const json::value* all = o->if_contains(keyword); all && all->is_array())
        for (const json::value& each : all->get_array()) add(each, parts, depth + 1);
    for (const char* keyword : {"if", "then", "else"})
      if (const json::value* branch = o->if_contains(keyword)) add(*branch, parts, depth + 1);
  }

 private:
  void object(const Parts& parts, const json::object& o, const std::string& at, int depth) {
    std::vector<std::string_view> known;
    bool open = false;
    for (const json::object* s : parts) {
      if (const json::value* p = s->if_contains("properties"); p && p->is_object())
        for (const auto& m : p->get_object()) known.push_back(m.key());
      const json::value* others = s->if_contains("additionalProperties");
      open = open || s->contains("patternProperties") || (others && *others != json::value(false));
    }
    for (const auto& member : o) {
      std::string_view key = member.key();
      Parts below;
      for (const json::object* s : parts) add_member(*s, key, below);
      if (!below.empty() || std::find(known.begin(), known.end(), key) != known.end())
        value(below, member.value(), config::join(at, key), depth + 1);
      else if (!open && !known.empty() && !config::is_remark(key) && out_.size() < kMostFound)
        out_.push_back({config::join(at, key), config::suggestion(key, known)});
    }
  }

  // What `s` says about the member `key`.
  void add_member(const json::object& s, std::string_view key, Parts& below) const {
    bool covered = false;
    if (const json::value* p = s.if_contains("properties"); p && p->is_object())
      if (const json::value* own = p->get_object().if_contains(key)) covered = true, add(*own, below);
    if (const json::value* patterns = s.if_contains("patternProperties"); patterns && patterns->is_object())
      for (const auto& p : patterns->get_object())
        if (std::regex_search(key.begin(), key.end(), std::regex{p.key_c_str(), std::regex::ECMAScript})) covered = true, add(p.value(), below);
    if (const json::value* others = s.if_contains("additionalProperties"); others && !covered) add(*others, below);
  }

  void array(const Parts& parts, const json::array& a, const std::string& at, int depth) {
    for (size_t i = 0; i < a.size(); ++i) {
      Parts below;
      for (const json::object* s : parts) {
        const json::value* items = s->if_contains("items");
        if (items && items->is_array()) items = i < items->get_array().size() ? &items->get_array()[i] : nullptr;
        if (items) add(*items, below);
      }
      value(below, a[i], config::join(at, i), depth + 1);
    }
  }

  const json::value& root_;
  std::vector<UnknownKey>& out_;
};

}  // namespace

std::vector<UnknownKey> Schema::unknown_keys(const json::value& value, const std::string& pointer) const {
  std::vector<UnknownKey> found;
  KeyWalk walk{document_, found};
  Parts parts;
  walk.add(document_, parts);
  try {
    walk.value(parts, value, pointer, 0);
  } catch (const std::regex_error&) {
    found.clear();  // a pattern that only the validator understands: nothing can be said
  }
  return found;
}

}  // namespace sluice::plugin
