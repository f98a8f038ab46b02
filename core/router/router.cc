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
  return impl_->tree.add(method, pattern, route, clash);
}

namespace {

std::string_view toggle_slash(std::string_view path, Arena& arena) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : arena.concat(path, "/");
}

// pipeline.md §2.2, rules 1 and 2. Empty: no redirect.
std::string_view redirect_for(const Tree& tree, uint32_t root, std::string_view path, const Router::Options& options,
                              Arena& arena) {
  Tree::Captures captures;
  if (options.redirect_trailing_slash) {
    std::string_view other = toggle_slash(path, arena);
    if (!other.empty() && tree.match(root, other, captures))
      return other.data() == path.data() ? arena.copy(other) : other;
  }
  if (options.redirect_fixed_path) {
    std::string clean = clean_path(path);
    char* out = static_cast<char*>(arena.alloc(clean.size() + 1, 1));
    if (tree.match_any_case(root, clean, out)) return {out, clean.size()};
    if (clean.ends_with('/')) clean.pop_back();
    else clean += '/';
    if (!clean.empty() && tree.match_any_case(root, clean, out)) return {out, clean.size()};
  }
  return {};
}

std::string_view methods_for(const Tree& tree, std::string_view path, const Tree::Method* without, Arena& arena) {
  std::string_view list;
  if (!path.starts_with('/')) return list;
  Tree::Captures captures;
  for (const Tree::Method& m : tree.methods())
    if (&m != without && tree.match(m.root, path, captures))
      list = list.empty() ? arena.copy(m.name) : arena.concat(list, ", ", m.name);
  return list;
}

}  // namespace

Router::Found Router::find(std::string_view method, std::string_view path, const Options& options, Arena& arena,
                           Match* match, std::string_view* location, std::string_view* allow) const {
  if (!path.starts_with('/')) return Found::no;  // "*", or nothing
  const Tree& tree = impl_->tree;
  const Tree::Method* own = tree.method(method);
  if (own) {
    Tree::Captures captures;
    if (const Tree::Route* route = tree.match(own->root, path, captures)) {
      match->route = route->number;
      match->params.bind(arena);
      if (route->count) match->params.reserve(route->count);
      for (uint32_t i = 0; i < route->count; ++i) match->params.push({tree.name(*route, i), captures[i]});
      return Found::yes;
    }
    if (path != "/" && method != "CONNECT") {
      std::string_view to = redirect_for(tree, own->root, path, options, arena);
      if (!to.empty()) {
        *location = to;
        return Found::redirect;
      }
    }
  }
  if (options.method_not_allowed) {
    *allow = methods_for(tree, path, own, arena);
    if (!allow->empty()) return Found::method_not_allowed;
  }
  return Found::no;
}

std::string_view Router::allowed(std::string_view path, Arena& arena) const {
  return methods_for(impl_->tree, path, nullptr, arena);
}

}  // namespace sluice::router
