#include "core/router/router.h"

#include "core/router/tree.h"

namespace sluice::router {

struct Router::Impl {
  Tree tree;
};

Router::Router() : impl_{std::make_unique<Impl>()} {}
Router::~Router() = default;
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Result<bool, Problem> Router::add(std::string_view method, std::string_view pattern, uint32_t route, uint32_t* clash) {
  return impl_->tree.add(method, pattern, {}, route, clash);
}

Result<bool, Problem> Router::add(std::string_view method, std::string_view pattern, const Condition& condition, uint32_t route,
                                  uint32_t* clash) {
  return impl_->tree.add(method, pattern, condition, route, clash);
}

bool Router::conditional() const { return impl_->tree.conditional(); }

std::vector<std::pair<uint32_t, uint32_t>> Router::ambiguities() const { return impl_->tree.ambiguities(); }

namespace {

std::string_view toggle_slash(std::string_view path, Arena& arena) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : arena.concat(path, "/");
}

// pipeline.md §2.2, rules 1 and 2. Empty: no redirect.
std::string_view redirect_for(const Tree& tree, uint32_t root, std::string_view path, const Router::Options& options,
                              Arena& arena, const Facts* facts) {
  Tree::Captures captures;
  captures.facts = facts;
  if (options.redirect_trailing_slash) {
    std::string_view other = toggle_slash(path, arena);
    if (!other.empty() && tree.match(root, other, captures))
      return other.data() == path.data() ? arena.copy(other) : other;
  }
  if (options.redirect_fixed_path) {
    std::string clean = clean_path(path);
    char* out = static_cast<char*>(arena.alloc(clean.size() + 1, 1));
    if (tree.match_any_case(root, clean, facts, out)) return {out, clean.size()};
    if (clean.ends_with('/')) clean.pop_back();
    else clean += '/';
    if (!clean.empty() && tree.match_any_case(root, clean, facts, out)) return {out, clean.size()};
  }
  return {};
}

std::string_view methods_for(const Tree& tree, std::string_view path, const Tree::Method* without, Arena& arena, const Facts* facts) {
  std::string_view list;
  if (!path.starts_with('/')) return list;
  Tree::Captures captures;
  captures.facts = facts;
  for (const Tree::Method& m : tree.methods())
    if (&m != without && tree.match(m.root, path, captures))
      list = list.empty() ? arena.copy(m.name) : arena.concat(list, ", ", m.name);
  return list;
}

}  // namespace

Router::Found Router::find(std::string_view method, std::string_view path, const Options& options, Arena& arena,
                           Match* match, std::string_view* location, std::string_view* allow, const Facts* facts) const {
  if (!path.starts_with('/')) return Found::no;  // "*", or nothing
  const Tree& tree = impl_->tree;
  const Tree::Method* own = tree.method(method);
  if (own) {
    Tree::Captures captures;
    captures.facts = facts;
    if (const Tree::Route* route = tree.match(own->root, path, captures)) {
      match->route = route->number;
      match->params.bind(arena);
      if (route->count) match->params.reserve(route->count);
      for (uint32_t i = 0; i < route->count; ++i) match->params.push({tree.name(*route, i), captures[i]});
      return Found::yes;
    }
    if (path != "/" && method != "CONNECT") {
      std::string_view to = redirect_for(tree, own->root, path, options, arena, facts);
      if (!to.empty()) {
        *location = to;
        return Found::redirect;
      }
    }
  }
  if (options.method_not_allowed) {
    *allow = methods_for(tree, path, own, arena, facts);
    if (!allow->empty()) return Found::method_not_allowed;
  }
  return Found::no;
}

std::string_view Router::allowed(std::string_view path, Arena& arena, const Facts* facts) const {
  return methods_for(impl_->tree, path, nullptr, arena, facts);
}

}  // namespace sluice::router
