#include "core/router/tree.h"

#include <algorithm>
#include <cstring>

#include "core/base/text.h"

namespace sluice::router {
namespace {

// Of the text in lower case, so that the same table serves both kinds of match.
uint32_t hash_of(uint32_t parent, std::string_view text) {
  uint64_t h = 0xcbf29ce484222325u ^ (parent * 0x9e3779b97f4a7c15u);
  for (char c : text) h = (h ^ static_cast<uint8_t>(lower(c))) * 0x100000001b3u;
  return static_cast<uint32_t>(h ^ (h >> 32));
}

template <bool any_case>
bool same(std::string_view a, std::string_view b) {
  if constexpr (any_case) return iequals(a, b);
  return a == b;
}

template <bool any_case>
size_t find_text(std::string_view in, std::string_view text, size_t from) {
  if constexpr (!any_case) return in.find(text, from);
  for (; from + text.size() <= in.size(); ++from)
    if (iequals(in.substr(from, text.size()), text)) return from;
  return in.npos;
}

}  // namespace

Tree::Tree() : nodes_(1), slots_(16) {}

const Tree::Method* Tree::method(std::string_view name) const {
  for (const Method& m : methods_)
    if (m.name == name) return &m;
  return nullptr;
}

Tree::Span Tree::store(std::string_view s) {
  Span span{static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(s.size())};
  text_ += s;
  return span;
}

uint32_t Tree::new_node() {
  nodes_.emplace_back();
  return static_cast<uint32_t>(nodes_.size() - 1);
}

uint32_t Tree::literal_child(uint32_t parent, std::string_view text) const {
  uint32_t hash = hash_of(parent, text), mask = static_cast<uint32_t>(slots_.size() - 1);
  for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (!slot.child) return 0;
    if (slot.hash == hash && slot.parent == parent && view(slot.text) == text) return slot.child;
  }
}

void Tree::rehash() {
  std::vector<Slot> bigger(slots_.size() * 2);
  uint32_t mask = static_cast<uint32_t>(bigger.size() - 1);
  for (const Slot& slot : slots_) {
    if (!slot.child) continue;
    uint32_t i = slot.hash & mask;
    while (bigger[i].child) i = (i + 1) & mask;
    bigger[i] = slot;
  }
  slots_ = std::move(bigger);
}

uint32_t Tree::make_literal_child(uint32_t parent, std::string_view text) {
  if (uint32_t there = literal_child(parent, text)) return there;
  if (++used_ * 4 > slots_.size() * 3) rehash();
  uint32_t hash = hash_of(parent, text), mask = static_cast<uint32_t>(slots_.size() - 1), i = hash & mask;
  while (slots_[i].child) i = (i + 1) & mask;
  uint32_t child = new_node();
  slots_[i] = {hash, parent, store(text), child};
  ++nodes_[parent].literals;
  return child;
}

int Tree::compare(const Mixed& a, const std::vector<std::string>& texts, size_t length) const {
  if (a.length != length) return a.length > length ? -1 : 1;
  // Equally long: any order will do that does not depend on who came first.
  if (a.count != texts.size()) return a.count < texts.size() ? -1 : 1;
  for (uint32_t i = 0; i < a.count; ++i)
    if (int c = view(spans_[a.texts + i]).compare(texts[i])) return c;
  return 0;
}

uint32_t Tree::make_mixed_child(uint32_t parent, const Segment& segment) {
  if (!nodes_[parent].mixed) {
    mixed_lists_.emplace_back();
    nodes_[parent].mixed = static_cast<uint32_t>(mixed_lists_.size());
  }
  std::vector<uint32_t>& list = mixed_lists_[nodes_[parent].mixed - 1];
  size_t length = 0;
  for (const std::string& t : segment.texts) length += t.size();
  auto at = std::lower_bound(list.begin(), list.end(), 0,
                             [&](uint32_t m, int) { return compare(mixed_[m], segment.texts, length) < 0; });
  if (at != list.end() && compare(mixed_[*at], segment.texts, length) == 0) return mixed_[*at].child;
  list.insert(at, static_cast<uint32_t>(mixed_.size()));
  uint32_t texts = static_cast<uint32_t>(spans_.size());
  for (const std::string& t : segment.texts) spans_.push_back(store(t));
  uint32_t child = new_node();
  mixed_.push_back({texts, static_cast<uint32_t>(segment.texts.size()), static_cast<uint32_t>(length), child});
  return child;
}

const Condition& Tree::condition(uint32_t route) const {
  static const Condition kNone;
  uint32_t c = routes_[route - 1].condition;
  return c ? conditions_[c - 1] : kNone;
}

// The route joins those of its place.
bool Tree::add_variant(uint32_t& place, const Route& route, const Condition& wanted, uint32_t* clash) {
  std::vector<uint32_t> alone{place};
  uint32_t lists = place ? routes_[place - 1].variants : 0;
  std::vector<uint32_t>& list = lists ? variant_lists_[lists - 1] : alone;
  if (!place) list.clear();
  auto at = std::lower_bound(list.begin(), list.end(), 0,
                             [&](uint32_t r, int) { return precedence(condition(r), wanted) < 0; });
  if (at != list.end() && precedence(condition(*at), wanted) == 0) {
    Route& there = routes_[*at - 1];
    if (route.fallback && !there.fallback) return true;
    if (there.fallback && !route.fallback) {
      there.number = route.number, there.names = route.names, there.fallback = false;
      return true;
    }
    if (clash) *clash = there.number;
    return false;
  }
  routes_.push_back(route);
  auto number = static_cast<uint32_t>(routes_.size());
  if (!wanted.empty()) {
    conditions_.push_back(wanted);
    conditions_.back().fallback = false;
    routes_.back().condition = static_cast<uint32_t>(conditions_.size());
  }
  list.insert(at, number);
  if (!place) place = number;
  if (!lists && (list.size() > 1 || !wanted.empty())) {
    variant_lists_.push_back(std::move(alone));
    routes_[place - 1].variants = static_cast<uint32_t>(variant_lists_.size());
  }
  return true;
}

// Where no variant's condition is met the place is as good as empty: 0.
uint32_t Tree::pick(uint32_t place, const Facts* facts) const {
  if (!place || !routes_[place - 1].variants) return place;
  const std::vector<uint32_t>& list = variant_lists_[routes_[place - 1].variants - 1];
  auto at = list.begin();
  if (facts) {
    // Exact hosts stand first, sorted: a thousand of them cost ten comparisons.
    std::string_view host = facts->host();
    auto exact = [&](uint32_t r) {
      const std::string& h = condition(r).host;
      return !h.empty() && h[0] != '.';
    };
    auto rest = std::partition_point(list.begin(), list.end(), exact);
    at = std::partition_point(list.begin(), rest, [&](uint32_t r) { return condition(r).host < host; });
    for (; at != rest && condition(*at).host == host; ++at)
      if (meets(condition(*at), *facts)) return *at;
    for (at = rest; at != list.end(); ++at)
      if (meets(condition(*at), *facts)) return *at;
    return 0;
  }
  return condition(list.back()).empty() ? list.back() : 0;
}

std::vector<std::pair<uint32_t, uint32_t>> Tree::ambiguities() const {
  std::vector<std::pair<uint32_t, uint32_t>> all;
  for (const auto& list : variant_lists_) {
    for (size_t i = 0; i < list.size(); ++i) {
      const Condition& a = condition(list[i]);
      // Only neighbours in the order have the same host and the same number of headers.
      for (size_t j = i + 1; j < list.size(); ++j) {
        const Condition& b = condition(list[j]);
        if (a.host != b.host || a.headers.size() != b.headers.size()) break;
        if (!ambiguous(a, b)) continue;
        bool settled = std::any_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](uint32_t r) { return settles(condition(r), a, b); });
        if (!settled) all.emplace_back(routes_[list[i] - 1].number, routes_[list[j] - 1].number);
      }
    }
  }
  return all;
}

Result<bool, Problem> Tree::add(std::string_view method_name, std::string_view pattern, const Condition& wanted, uint32_t number,
                                uint32_t* clash) {
  auto parsed = parse_pattern(pattern);
  if (!parsed) return parsed.error();
  if (text_.size() > UINT32_MAX - 4 * kMaxPattern) return Problem{"too many paths"};  // spans count in 32 bits
  const Method* found = method(method_name);
  if (!found) {
    auto at = std::find_if(methods_.begin(), methods_.end(), [&](const Method& m) { return m.name > method_name; });
    found = &*methods_.insert(at, {std::string{method_name}, new_node()});
  }
  uint32_t node = found->root;
  bool rest = false;
  for (const Segment& segment : parsed->segments) {
    switch (segment.kind) {
      case Segment::Kind::literal: node = make_literal_child(node, segment.texts[0]); break;
      case Segment::Kind::mixed: node = make_mixed_child(node, segment); break;
      case Segment::Kind::parameter:
        if (!nodes_[node].parameter) {
          uint32_t child = new_node();
          nodes_[node].parameter = child;
        }
        node = nodes_[node].parameter;
        break;
      case Segment::Kind::rest: rest = true; break;
    }
  }
  uint32_t& place = rest ? nodes_[node].rest : nodes_[node].route;
  uint32_t names = static_cast<uint32_t>(spans_.size());
  for (const std::string& n : parsed->names) spans_.push_back(store(n));
  Route route{number, names, static_cast<uint32_t>(parsed->names.size())};
  route.fallback = wanted.fallback;
  if (!add_variant(place, route, wanted, clash))
    return Problem{std::string{method_name} + " " + std::string{pattern} + " is there already"};
  return true;
}

// Takes the leftmost place of each inner text: if any split fits, this one does, as only the last text is bound to a
// place.
template <bool any_case>
bool Tree::match_mixed(const Mixed& m, std::string_view segment, Captures* captures, char* out) const {
  if (segment.size() < m.length + m.count - 1) return false;  // a parameter has at least one character
  std::string_view first = view(spans_[m.texts]), last = view(spans_[m.texts + m.count - 1]);
  size_t tail = segment.size() - last.size();
  if (!same<any_case>(segment.substr(0, first.size()), first) || !same<any_case>(segment.substr(tail), last))
    return false;
  if constexpr (any_case) {
    std::memcpy(out, segment.data(), segment.size());
    first.copy(out, first.size());
    last.copy(out + tail, last.size());
  }
  size_t at = first.size();
  for (uint32_t i = 1; i < m.count; ++i) {
    std::string_view text = view(spans_[m.texts + i]);
    size_t next = i + 1 == m.count ? tail : find_text<any_case>(segment.substr(0, tail), text, at + 1);
    if (next == segment.npos || next <= at) return false;
    if constexpr (any_case) text.copy(out + next, text.size());
    else captures->push(segment.substr(at, next - at));
    at = next + text.size();
  }
  return true;
}

template <bool conditional>
uint32_t Tree::walk(uint32_t number, std::string_view path, size_t at, Captures& captures) const {
  const Node& node = nodes_[number];
  if (at > path.size()) return conditional ? pick(node.route, captures.facts) : node.route;
  size_t end = std::min(path.find('/', at), path.size());
  std::string_view segment = path.substr(at, end - at);
  if (node.literals)
    if (uint32_t child = literal_child(number, segment))
      if (uint32_t route = walk<conditional>(child, path, end + 1, captures)) return route;
  if (!segment.empty()) {
    uint32_t before = captures.count;
    if (node.mixed) {
      for (uint32_t m : mixed_lists_[node.mixed - 1]) {
        if (match_mixed<false>(mixed_[m], segment, &captures, nullptr))
          if (uint32_t route = walk<conditional>(mixed_[m].child, path, end + 1, captures)) return route;
        captures.count = before;
      }
    }
  }
  // A parameter may be empty inside a path ("/a//b"), as in the reference, but not at its end.
  if (node.parameter && (!segment.empty() || end < path.size())) {
    uint32_t before = captures.count;
    captures.push(segment);
    if (uint32_t route = walk<conditional>(node.parameter, path, end + 1, captures)) return route;
    captures.count = before;
  }
  uint32_t route = conditional ? pick(node.rest, captures.facts) : node.rest;
  if (route) captures.push(path.substr(at));
  return route;
}

bool Tree::walk_any_case(uint32_t number, const Spelling& s, size_t at) const {
  const Node& node = nodes_[number];
  if (at > s.path.size()) return pick(node.route, s.facts) != 0;
  size_t end = std::min(s.path.find('/', at), s.path.size());
  std::string_view segment = s.path.substr(at, end - at);
  if (end < s.path.size()) s.out[end] = '/';
  if (node.literals) {
    uint32_t hash = hash_of(number, segment), mask = static_cast<uint32_t>(slots_.size() - 1);
    // Of several spellings the one that sorts first leads, not the one that was added first.
    std::string_view tried;
    for (bool more = true, any = false; more; any = true) {
      const Slot* next = nullptr;
      for (uint32_t i = hash & mask; slots_[i].child; i = (i + 1) & mask) {
        const Slot& slot = slots_[i];
        if (slot.hash != hash || slot.parent != number || !iequals(view(slot.text), segment)) continue;
        if ((!any || view(slot.text) > tried) && (!next || view(slot.text) < view(next->text))) next = &slot;
      }
      if (!(more = next != nullptr)) break;
      tried = view(next->text);
      tried.copy(s.out + at, tried.size());
      if (walk_any_case(next->child, s, end + 1)) return true;
    }
  }
  if (!segment.empty()) {
    if (node.mixed)
      for (uint32_t m : mixed_lists_[node.mixed - 1])
        if (match_mixed<true>(mixed_[m], segment, nullptr, s.out + at) && walk_any_case(mixed_[m].child, s, end + 1)) {
          // Deeper levels write behind this segment only, so it is still as match_mixed wrote it.
          return true;
        }
    if (node.parameter) {
      segment.copy(s.out + at, segment.size());
      if (walk_any_case(node.parameter, s, end + 1)) return true;
    }
  }
  if (!pick(node.rest, s.facts)) return false;
  s.path.copy(s.out + at, s.path.size() - at, at);
  return true;
}

const Tree::Route* Tree::match(uint32_t root, std::string_view path, Captures& captures) const {
  captures.count = 0;
  uint32_t route = conditional() ? walk<true>(root, path, 1, captures) : walk<false>(root, path, 1, captures);
  return route ? &routes_[route - 1] : nullptr;
}

bool Tree::match_any_case(uint32_t root, std::string_view path, const Facts* facts, char* out) const {
  out[0] = '/';
  return walk_any_case(root, {path, out, facts}, 1);
}

}  // namespace sluice::router
