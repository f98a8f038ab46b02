#include "core/document/flatmap.h"

#include <charconv>
#include <span>

namespace sluice::document {

Flatmap::Path Flatmap::parse(std::string_view dotted) {
  Path path;
  for (size_t from = 0;;) {
    size_t dot = dotted.find('.', from);
    Segment s;
    s.text = dotted.substr(from, dot == std::string_view::npos ? dot : dot - from);
    s.hash = hash_key(s.text);
    s.any = s.text == "*";
    // Labels of elements are written without leading zeros: "00" is nobody's.
    uint32_t index = 0;
    const char* end = s.text.data() + s.text.size();
    auto [stop, error] = std::from_chars(s.text.data(), end, index);
    if (error == std::errc{} && stop == end && (s.text[0] != '0' || s.text.size() == 1)) s.index = index;
    path.push_back(std::move(s));
    if (dot == std::string_view::npos) return path;
    from = dot + 1;
  }
}

const char* Flatmap::add(std::string_view type, const std::vector<std::string>& paths) {
  Operation op;
  if (type == "move")
    op.kind = Kind::move;
  else if (type == "del")
    op.kind = Kind::del;
  else if (type == "append")
    op.kind = Kind::append;
  else
    return "expected the type \"move\", \"del\" or \"append\"";
  // Fewer kill the reference or its request (crash).
  if (op.kind == Kind::del && paths.empty()) return "\"del\" takes at least one path";
  if (op.kind != Kind::del && paths.size() < 2) return op.kind == Kind::move ? "\"move\" takes two paths" : "\"append\" takes two paths";
  if (operations_.size() == kMaxOperations) return "more than 256 operations";
  for (const std::string& p : paths) {
    op.paths.push_back(parse(p));
    if (op.paths.back().size() > kMaxSegments) return "a path has more than 32 segments";
    if (op.kind != Kind::del && op.paths.size() == 2) break;
  }
  operations_.push_back(std::move(op));
  return nullptr;
}

// The part of a document that the operations look at, as a tree of labelled places. Everything below a place that no path
// leads through stays a plain node.
class Flatmap::Editor {
 public:
  Editor(Arena& arena, const Node& data) : arena_{&arena} { root_ = place(data); }
  void run(const Operation& op) {
    switch (op.kind) {
      case Kind::move: move(op.paths[0], op.paths[1]); break;
      case Kind::append: append(op.paths[0], op.paths[1]); break;
      case Kind::del:
        for (const Path& p : op.paths) del(*root_, p);
        break;
    }
  }
  Node finish() { return build(*root_); }

 private:
  using Labels = std::span<const Segment>;
  struct Place {
    Node value;                    // as it came; without children that count: what it is when it has none
    std::string_view key{};        // label below an object, or a given one below a list
    std::string_view source{};     // of the whole member, while key and value are those of the backend
    uint32_t hash = 0;
    uint32_t index = kNoIndex;     // label below a list, until a rename gives another
    bool open = false, changed = false, list = false;
    bool removed = false, thinned = false;  // to be taken out; some child is
    uint32_t next_index = 0;       // of an appended element
    ArenaVector<Place*> children{};
  };
  // A place reached by a path, with the labels that stood for its segments.
  struct Found {
    Place* place;
    const Found* above;
    Place* parent;
    uint32_t position;  // among the parent's children, when it was found
  };

  Place* place(const Node& value) {
    auto* p = arena_->make<Place>();
    p->value = value;
    p->children.bind(*arena_);
    return p;
  }

  void open(Place& p) {
    if (p.open) return;
    p.open = true;
    if (!p.value.container()) return;
    document::open(*arena_, p.value);
    p.list = p.value.kind == document::Kind::array;
    if (!p.value.container()) return;
    p.changed = p.value.flags & Node::kChanged;  // a key came twice
    p.next_index = p.value.count;
    p.children.reserve(p.value.count);
    for (uint32_t i = 0; i < p.value.count; ++i) {
      Place* child;
      if (p.list) {
        child = place(p.value.elements[i]);
        child->index = i;
      } else {
        const Member& m = p.value.members[i];
        child = place(m.value);
        child->key = m.key, child->hash = m.hash, child->source = m.source;
      }
      p.children.push(child);
    }
  }

  static bool is(const Place& p, const Segment& s) {
    return p.index != kNoIndex ? p.index == s.index : p.hash == s.hash && p.key == s.text;
  }
  // The first child of that label, "*" literal; children.size(): none.
  uint32_t seek(Place& p, const Segment& s) {
    open(p);
    uint32_t i = 0;
    while (i < p.children.size() && !is(*p.children[i], s)) ++i;
    return i;
  }
  static void remove(Place& p, uint32_t i) {
    p.children.erase_at(i);
    p.changed = true;
  }
  // In an object an older child of that name goes; a list takes it at its end.
  void attach(Place& parent, Place& child, const Segment& label) {
    open(parent);
    child.key = label.text, child.hash = label.hash, child.index = kNoIndex, child.source = {};
    if (!parent.list)
      if (uint32_t old = seek(parent, label); old < parent.children.size()) remove(parent, old);
    parent.children.push(&child);
    parent.changed = true;
  }

  void del(Place& p, Labels path) {
    open(p);
    const Segment& s = path[0];
    bool last = path.size() == 1;
    if (s.any && last) {
      if (p.children.size()) p.changed = true;
      p.children.resize_down(0);
    } else if (s.any) {
      for (Place* child : p.children) del(*child, path.subspan(1));
    } else if (uint32_t i = seek(p, s); i < p.children.size()) {
      if (last)
        remove(p, i);
      else
        del(*p.children[i], path.subspan(1));
    }
  }

  // Every place that the path matches, in document order.
  ArenaVector<const Found*> match(Labels path) {
    ArenaVector<const Found*> here{*arena_};
    here.push(arena_->make<Found>(Found{root_, nullptr, nullptr, 0}));
    for (const Segment& s : path) {
      ArenaVector<const Found*> below{*arena_};
      for (const Found* f : here) {
        if (!s.any) {
          if (uint32_t i = seek(*f->place, s); i < f->place->children.size())
            below.push(arena_->make<Found>(Found{f->place->children[i], f, f->place, i}));
          continue;
        }
        open(*f->place);
        for (uint32_t i = 0; i < f->place->children.size(); ++i)
          below.push(arena_->make<Found>(Found{f->place->children[i], f, f->place, i}));
      }
      here = below;
    }
    return here;
  }

  void move(const Path& from, const Path& to) {
    Labels parents{from.data(), from.size() - 1};
    const Segment& last = from.back();
    ArenaVector<const Found*> found = match(parents);
    if (from.size() == to.size()) {
      for (const Found* f : found) rename(*f->place, last, to.back());
      return;
    }
    struct Taken {
      Place* child;
      const Found* from;
    };
    // All are taken out before the first is put in.
    ArenaVector<Taken> taken{*arena_};
    for (const Found* f : found)
      if (uint32_t i = seek(*f->place, last); i < f->place->children.size()) {
        taken.push({f->place->children[i], f});
        remove(*f->place, i);
      }
    for (const Taken& t : taken) {
      if (from.size() > to.size())
        promote(*t.child, t.from, static_cast<uint32_t>(from.size()) - 1, to);
      else
        embed(*t.child, *t.from->place, Labels{to}.subspan(from.size() - 1));
    }
  }

  // Only the last label of the new path counts (quirk). Of two children of one name the renamed one stays.
  void rename(Place& parent, const Segment& from, const Segment& to) {
    uint32_t i = seek(parent, from);
    if (i == parent.children.size() || from.text == to.text) return;
    Place& child = *parent.children[i];
    if (!parent.list)
      if (uint32_t old = seek(parent, to); old < parent.children.size()) remove(parent, old);
    child.key = to.text, child.hash = to.hash, child.index = kNoIndex, child.source = {};
    if (!parent.list) parent.changed = true;  // elements have no names that show
  }

  void promote(Place& child, const Found* from, uint32_t depth, const Path& to) {
    Place* at = root_;
    for (size_t i = 0; i + 1 < to.size(); ++i) {
      open(*at);
      uint32_t next = at->children.size();
      if (to[i].any) {
        // The label that stood here on the way to the child.
        const Found* f = from;
        for (size_t up = depth - 1; up > i; --up) f = f->above;
        // Mostly it still stands where it was found: no search for each of many elements.
        next = f->position;
        if (next >= at->children.size() || at->children[next] != f->place)
          for (next = 0; next < at->children.size() && !same_label(*at->children[next], *f->place); ++next) {}
      } else {
        next = seek(*at, to[i]);
      }
      if (next == at->children.size()) break;  // as deep as the path exists (quirk)
      at = at->children[next];
    }
    attach(*at, child, to.back());
  }

  static bool same_label(const Place& a, const Place& b) {
    if (a.index == kNoIndex && b.index == kNoIndex) return a.hash == b.hash && a.key == b.key;
    if (a.index != kNoIndex && b.index != kNoIndex) return a.index == b.index;
    // One below an object, one below a list: "0" is "0".
    char digits[16];
    const Place &number = a.index != kNoIndex ? a : b, &name = a.index != kNoIndex ? b : a;
    return std::string_view{digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, number.index).ptr - digits)} == name.key;
  }

  void embed(Place& child, Place& parent, Labels way) {
    Place* at = &parent;
    for (const Segment& s : way.first(way.size() - 1)) {
      uint32_t next = seek(*at, s);
      if (next == at->children.size()) {
        Place* made = place(make_null());
        made->open = true;
        attach(*at, *made, s);
        at = made;
      } else {
        at = at->children[next];
      }
    }
    attach(*at, child, way.back());
  }

  static bool inside(const Place& outer, const Found* f) {
    for (; f; f = f->above)
      if (f->place == &outer) return true;
    return false;
  }

  void append(const Path& from, const Path& to) {
    ArenaVector<const Found*> sources = match(from), targets = match(to);
    if (targets.empty()) return;
    const Found* target = targets[0];
    open(*target->place);
    if (!target->place->list) return;
    for (const Found* source : sources) {
      open(*source->place);
      if (!source->place->list) continue;
      source->place->removed = source->parent->changed = source->parent->thinned = true;
      if (inside(*source->place, target)) break;  // gone with it: a list appended to itself is deleted (quirk)
      for (Place* element : source->place->children) {
        element->key = {}, element->source = {};
        element->index = target->place->next_index++;
        target->place->children.push(element);
        target->place->changed = true;
      }
    }
    for (const Found* source : sources) sweep(*source->parent);
  }

  // Takes out what is marked, all at once: a wildcard may have matched every child.
  static void sweep(Place& p) {
    if (!p.thinned) return;
    uint32_t kept = 0;
    for (Place* child : p.children)
      if (!child->removed) p.children[kept++] = child;
    p.children.resize_down(kept);
    p.thinned = false;
  }

  // Did anything in or below change? Recursion is as deep as what the operations opened, which is bounded.
  static bool changed(Place& p) {
    if (p.changed || !p.open) return p.changed;
    for (Place* child : p.children)
      if (changed(*child)) return p.changed = true;
    return false;
  }

  Node build(Place& p) {
    if (!changed(p)) return p.value;
    if (p.children.empty()) {
      // Nothing is left: null, unless it was an empty container or a scalar from the start (quirk).
      bool was_leaf = !p.value.container() || p.value.count == 0;
      return was_leaf ? p.value : make_null();
    }
    if (p.list) {
      Node n;
      n.kind = document::Kind::array;
      n.count = p.children.size();
      n.elements = arena_->array<Node>(n.count);
      for (uint32_t i = 0; i < n.count; ++i) new (n.elements + i) Node(build(*p.children[i]));
      return n;
    }
    ObjectWriter out{*arena_};
    out.reserve(p.children.size());
    for (Place* child : p.children) {
      bool touched = changed(*child);
      out.set(Member{child->key, child->hash, build(*child), touched ? std::string_view{} : child->source});
    }
    return out.finish();
  }

  Arena* arena_;
  Place* root_;
};

void Flatmap::apply(Arena& arena, Node& data) const {
  if (data.kind == document::Kind::null) return;
  Editor editor{arena, data};
  for (const Operation& op : operations_) editor.run(op);
  data = editor.finish();
}

}  // namespace sluice::document
