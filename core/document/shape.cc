#include "core/document/shape.h"

#include <algorithm>

namespace sluice::document {

namespace {

std::vector<std::string> split(std::string_view dotted) {
  std::vector<std::string> parts;
  for (size_t from = 0;;) {
    size_t dot = dotted.find('.', from);
    parts.emplace_back(dotted.substr(from, dot == std::string_view::npos ? dot : dot - from));
    if (dot == std::string_view::npos) return parts;
    from = dot + 1;
  }
}

// A node with these members in place of its own.
Node with_members(Member* members, uint32_t count) {
  Node n = make_object();
  n.members = members, n.count = count;
  return n;
}

}  // namespace

struct Shape::Tree {
  struct Branch {
    std::string key;
    uint32_t hash;
    std::unique_ptr<Tree> below;  // null: the path ends here
  };
  std::vector<Branch> branches;  // by hash

  Branch* branch(std::string_view key) {
    uint32_t hash = hash_key(key);
    auto place = std::lower_bound(branches.begin(), branches.end(), hash, [](const Branch& b, uint32_t h) { return b.hash < h; });
    for (; place != branches.end() && place->hash == hash; ++place)
      if (place->key == key) return &*place;
    return nullptr;
  }
  const Branch* branch(std::string_view key, uint32_t hash) const {
    constexpr size_t kFew = 8;
    auto place = branches.begin();
    if (branches.size() <= kFew)
      while (place != branches.end() && place->hash < hash) ++place;
    else
      place = std::lower_bound(place, branches.end(), hash, [](const Branch& b, uint32_t h) { return b.hash < h; });
    for (; place != branches.end() && place->hash == hash; ++place)
      if (place->key == key) return &*place;
    return nullptr;
  }
  Branch* insert(std::string_view key) {
    uint32_t hash = hash_key(key);
    auto place = std::lower_bound(branches.begin(), branches.end(), hash, [](const Branch& b, uint32_t h) { return b.hash < h; });
    return &*branches.insert(place, Branch{std::string{key}, hash, nullptr});
  }

  // pipeline.md §6: among allowed paths the one written last decides between a prefix and a longer path; among denied ones
  // the prefix always wins.
  void add(std::string_view dotted, bool last_decides) {
    std::vector<std::string> path = split(dotted);
    Tree* at = this;
    for (size_t i = 0; i < path.size(); ++i) {
      bool is_last = i + 1 == path.size();
      Branch* b = at->branch(path[i]);
      bool fresh = !b;
      if (fresh) b = at->insert(path[i]);
      if (is_last) {
        b->below = nullptr;
        return;
      }
      if (!b->below) {
        if (!fresh && !last_decides) return;
        b->below = std::make_unique<Tree>();
      }
      at = b->below.get();
    }
  }

  // Keeps what the paths name. False: nothing is left of the object, which is unspecified then. Recursion is as deep as the
  // configured paths.
  bool keep(Arena& arena, Node& object) const {
    open(arena, object);
    if (object.kind != Kind::object) return false;
    Member* out = nullptr;  // made at the first difference; keys are unique, so as many as there are branches at most
    uint32_t kept = 0;
    auto differ = [&](uint32_t so_far) {
      if (out) return;
      out = arena.array<Member>(std::max<size_t>(std::min<size_t>(object.count, branches.size()), 1));
      if (so_far) std::memcpy(static_cast<void*>(out), object.members, so_far * sizeof(Member));
    };
    for (uint32_t i = 0; i < object.count; ++i) {
      Member& m = object.members[i];
      const Branch* b = branch(m.key, m.hash);
      if (!b || (b->below && m.value.kind != Kind::object)) {
        differ(i);
        continue;
      }
      if (!b->below) {
        if (out) new (out + kept) Member(m);
        ++kept;
        continue;
      }
      open(arena, m.value);  // in place: later readers of the same node profit
      Member copy = m;
      Member* before = copy.value.members;
      uint32_t before_count = copy.value.count;
      if (!b->below->keep(arena, copy.value)) {
        differ(i);
        continue;
      }
      if (copy.value.members != before || copy.value.count != before_count) copy.source = {}, differ(i);
      if (out) new (out + kept) Member(copy);
      ++kept;
    }
    if (!kept) return false;
    if (out) object = with_members(out, kept);
    return true;
  }

  // Removes what the paths name.
  void remove(Arena& arena, Node& object) const {
    open(arena, object);
    if (object.kind != Kind::object) return;
    Member* out = nullptr;
    uint32_t kept = 0;
    auto differ = [&](uint32_t so_far) {
      if (out) return;
      out = arena.array<Member>(object.count);
      if (so_far) std::memcpy(static_cast<void*>(out), object.members, so_far * sizeof(Member));
    };
    for (uint32_t i = 0; i < object.count; ++i) {
      Member& m = object.members[i];
      const Branch* b = branch(m.key, m.hash);
      if (b && !b->below) {
        differ(i);
        continue;
      }
      if (b && m.value.kind == Kind::object) {
        open(arena, m.value);
        Member copy = m;
        Member* before = copy.value.members;
        b->below->remove(arena, copy.value);
        if (copy.value.members != before) {
          differ(i);
          copy.source = {};
          new (out + kept++) Member(copy);
          continue;
        }
      }
      if (out) new (out + kept) Member(m);
      ++kept;
    }
    if (out) object = with_members(out, kept);
  }
};

Shape::Shape(Options options) : options_{std::move(options)} {
  if (!options_.target.empty()) target_path_ = split(options_.target);
  deny_ = options_.allow.empty();
  const std::vector<std::string>& paths = deny_ ? options_.deny : options_.allow;
  if (!paths.empty()) {
    auto tree = std::make_shared<Tree>();
    for (const std::string& path : paths) tree->add(path, !deny_);
    filter_ = std::move(tree);
  }
  for (const auto& [from, to] : options_.mapping) {
    std::string cut = to.substr(0, to.find('.'));
    renames_.push_back({from, cut, hash_key(from), hash_key(cut)});
  }
  constexpr size_t kFew = 16;  // a longer list costs more to compare than it saves
  if (!target_path_.empty()) {
    wanted_ = {target_path_[0]};
  } else if (!options_.flatmap && options_.allow.size() <= kFew) {
    for (const std::string& path : options_.allow)
      if (std::string name = path.substr(0, path.find('.')); std::find(wanted_.begin(), wanted_.end(), name) == wanted_.end())
        wanted_.push_back(std::move(name));
  }
  group_hash_ = hash_key(options_.group);
  if (options_.flatmap) filter_ = nullptr, renames_.clear();
  any_ = options_.flatmap || !target_path_.empty() || filter_ || !renames_.empty() || !options_.group.empty();
  only_groups_ = !options_.group.empty() && !options_.flatmap && target_path_.empty() && !filter_ && renames_.empty();
}

// One rule after the other, in the order written (the reference: in any order), each on what the one before left.
void Shape::rename(Arena& arena, Node& object, ShapeTrace* trace) const {
  open(arena, object);
  bool own = false;
  uint32_t count = object.count;
  auto seek = [&](std::string_view key, uint32_t hash) {
    uint32_t i = 0;
    while (i < count && !(object.members[i].hash == hash && object.members[i].key == key)) ++i;
    return i;
  };
  for (const Rename& r : renames_) {
    uint32_t old = seek(r.from, r.from_hash);
    if (old == count) continue;
    if (trace) trace->renamed(r.from, r.to);
    if (!own) {
      auto* copy = arena.array<Member>(count);
      std::memcpy(static_cast<void*>(copy), object.members, count * sizeof(Member));
      object = with_members(copy, count);
      own = true;
    }
    uint32_t there = seek(r.to, r.to_hash);
    if (there == count) {
      Member& m = object.members[old];
      m.key = r.to;  // lives as long as the generation, which the exchange holds
      m.hash = r.to_hash;
      m.source = {};
      continue;
    }
    if (there != old) {
      object.members[there].value = object.members[old].value;
      object.members[there].source = {};
    }
    // The old name goes; a key mapped to itself is lost this way, as in the reference.
    std::memmove(static_cast<void*>(object.members + old), object.members + old + 1, (count - old - 1) * sizeof(Member));
    object.count = --count;
  }
}

void Shape::apply(Arena& arena, Node& data, ShapeTrace* trace) const {
  using Rule = ShapeTrace::Rule;
  auto told = [&](Rule rule) {
    if (trace) [[unlikely]] trace->applied(rule, data);
  };
  for (const std::string& part : target_path_) {
    Node* below = find(arena, data, part);
    if (!below || below->kind != Kind::object) {
      data = make_object();
      break;
    }
    data = Node{*below};
  }
  if (!target_path_.empty()) told(Rule::target);
  if (options_.flatmap) options_.flatmap->apply(arena, data), told(Rule::flatmap);
  if (filter_ && count(arena, data) && data.kind == Kind::object) {
    if (deny_)
      filter_->remove(arena, data);
    else if (!filter_->keep(arena, data))
      data = make_object();
    told(deny_ ? Rule::deny : Rule::allow);
  }
  if (!renames_.empty() && count(arena, data) && data.kind == Kind::object) rename(arena, data, trace), told(Rule::mapping);
  if (!options_.group.empty()) {
    auto* m = arena.make<Member>(Member{options_.group, group_hash_, data, {}});
    data = with_members(m, 1);
    told(Rule::group);
  }
}

Node merge(Arena& arena, std::span<Node> parts) {
  uint32_t total = 0, objects = 0;
  Node* only = nullptr;
  for (Node& part : parts) {
    if (part.kind != Kind::object) continue;
    ++objects, only = &part;
  }
  if (objects == 0) return make_object();
  if (objects == 1) return *only;
  for (Node& part : parts)
    if (part.kind == Kind::object) open(arena, part), total += part.count;
  ObjectWriter out{arena};
  out.reserve(total);
  for (Node& part : parts) {
    if (part.kind != Kind::object) continue;
    bool first = out.size() == 0;  // nothing to overwrite: a part's own keys are unique
    for (uint32_t i = 0; i < part.count; ++i) {
      if (first)
        out.append_unique(part.members[i]);
      else
        out.set(part.members[i]);
    }
  }
  return out.finish();
}

void overlay(Arena& arena, Node& data, const Node& extra) {
  if (extra.kind != Kind::object || extra.deferred) return;
  open(arena, data);
  ObjectWriter out{arena};
  uint32_t before = data.kind == Kind::object ? data.count : 0;
  out.reserve(before + extra.count);
  for (uint32_t i = 0; i < before; ++i) out.append_unique(data.members[i]);
  for (uint32_t i = 0; i < extra.count; ++i) {
    const Member& m = extra.members[i];
    out.set(Member{m.key, m.hash, share(m.value), {}});
  }
  data = out.finish();
}

Node* find_path(Arena& arena, Node& data, std::string_view dotted) {
  Node* at = &data;
  for (size_t from = 0;;) {
    size_t dot = dotted.find('.', from);
    at = find(arena, *at, dotted.substr(from, dot == std::string_view::npos ? dot : dot - from));
    if (!at || dot == std::string_view::npos) return at;
    from = dot + 1;
  }
}

}  // namespace sluice::document
