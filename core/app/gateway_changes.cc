// What a reload changed, for people.
#include <algorithm>
#include <boost/json/value.hpp>
#include <map>

#include "core/app/gateway_generation.h"
#include "core/plugin/module.h"

namespace sluice::app {
namespace {

using Endpoints = std::map<std::string, const config::Endpoint*>;

Endpoints by_route(const config::Config& c) {
  Endpoints all;
  for (const config::Endpoint& e : c.endpoints) all.emplace(e.label(), &e);
  return all;
}

// The members that are not equal, by name: "backend, timeout".
std::string differing(const boost::json::object& a, const boost::json::object& b, std::string_view except = {}) {
  std::vector<std::string> names;
  for (const auto& m : a)
    if (const auto* other = b.if_contains(m.key()); !other || *other != m.value()) names.emplace_back(m.key());
  for (const auto& m : b)
    if (!a.if_contains(m.key())) names.emplace_back(m.key());
  std::erase(names, except);
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + n;
  return out;
}

using Modules = std::map<std::string, const plugin::Module*>;

Modules by_id(const pipeline::Generation& g) {
  Modules all;
  for (const auto& m : g.registry->modules()) all.emplace(m->entry().id, m.get());
  return all;
}

void plugins(const Modules& before, const Modules& after, std::vector<std::string>& out) {
  for (const auto& [id, m] : after) {
    auto it = before.find(id);
    std::string version = m->entry().version, file = " (" + m->file() + ")";
    if (it == before.end()) {
      out.push_back("plugin " + id + " " + version + " added" + file);
    } else if (it->second->fingerprint() != m->fingerprint()) {
      std::string old = it->second->entry().version;
      out.push_back("plugin " + id + " altered: " + (old == version ? "another build of " + version : old + " becomes " + version) + file);
    }
  }
  for (const auto& [id, m] : before)
    if (!after.count(id)) out.push_back("plugin " + id + " " + m->entry().version + " removed");
}

}  // namespace

std::vector<std::string> changes_between(const pipeline::Generation& before, const pipeline::Generation& after) {
  std::vector<std::string> out;
  const config::Config &a = *before.config, &b = *after.config;
  // "endpoints" is told one by one.
  if (std::string names = differing(a.tree->as_object(), b.tree->as_object(), "endpoints"); !names.empty())
    out.push_back("settings altered: " + names);
  if (before.client_tls_key != after.client_tls_key) out.push_back("client_tls altered: certificates are read anew");
  if (before.server_tls_key != after.server_tls_key) out.push_back("tls altered: new connections get the certificates as they are now");
  plugins(by_id(before), by_id(after), out);
  Endpoints old = by_route(a), fresh = by_route(b);
  for (const auto& [route, e] : fresh) {
    auto it = old.find(route);
    if (it == old.end()) {
      out.push_back("endpoint " + route + " added");
      continue;
    }
    if (std::string names = differing(it->second->at.value->as_object(), e->at.value->as_object()); !names.empty())
      out.push_back("endpoint " + route + " altered: " + names);
  }
  for (const auto& [route, e] : old)
    if (!fresh.count(route)) out.push_back("endpoint " + route + " removed");
  return out;
}

}  // namespace sluice::app
