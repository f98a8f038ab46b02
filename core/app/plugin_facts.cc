#include "core/app/plugin_facts.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

#include "core/app/json_fields.h"
#include "core/base/text.h"
#include "core/pipeline/plan.h"
#include "core/plugin/module.h"

namespace sluice::app {
namespace {

namespace json = boost::json;

constexpr struct {
  uint32_t bit;
  std::string_view name;
} kScopes[] = {{SLC_AT_SERVICE, "service"}, {SLC_AT_ENDPOINT, "endpoint"}, {SLC_AT_PROXY, "proxy"}, {SLC_AT_BACKEND, "backend"}};

constexpr struct {
  uint32_t flag;
  std::string_view name;
} kSanitizers[] = {{SLC_BUILT_ASAN, "address"}, {SLC_BUILT_TSAN, "thread"}};

// Uses by plugin id.
class Uses {
 public:
  explicit Uses(const pipeline::Generation& g) {
    chain(g.server_chain), chain(g.engine_chain);
    add(g.log_sink_object, "");
    for (const auto& e : g.endpoints) endpoint(*e);
  }
  std::map<std::string, std::vector<PluginUse>> take() const {
    std::map<std::string, std::vector<PluginUse>> out;
    for (const auto& [id, places] : counts_)
      for (const auto& [key, count] : places) out[id].push_back({key.first, key.second, count});
    return out;
  }

 private:
  void add(const std::shared_ptr<plugin::Object>& object, const std::string& where) {
    if (!object) return;
    const plugin::Binding& b = object->binding();
    ++counts_[b.plugin_id][std::pair{where.empty() ? std::string{object->place().where} : where, b.name}];
  }
  void chain(const pipeline::Chain& c) {
    for (const auto& h : c.hooks) add(h.object, "");
  }
  void endpoint(const pipeline::EndpointPlan& e) {
    chain(e.endpoint_chain), chain(e.proxy_chain);
    if (e.encoder) add(e.encoder->object, e.where);
    for (const auto& b : e.backends) backend(*b);
    if (e.shadow)
      for (const auto& b : e.shadow->backends) backend(*b);
  }
  void backend(const pipeline::BackendPlan& b) {
    chain(b.chain);
    if (b.decoder) add(b.decoder->object, b.where);
    add(b.transport_object, b.where), add(b.balancer_object, b.where), add(b.resolver_object, b.where);
  }
  std::map<std::string, std::map<std::pair<std::string, std::string>, uint64_t>> counts_;
};

std::optional<plugin::Note::Bound> binding_from(const json::value& v) {
  const json::object* o = v.if_object();
  if (!o) return std::nullopt;
  auto interface_id = text_if(*o, "interface"), name = text_if(*o, "name");
  const json::array *aliases = list(*o, "aliases"), *scopes = list(*o, "scopes");
  if (!interface_id || !name || !aliases || !scopes) return std::nullopt;
  plugin::Note::Bound bound{std::move(*interface_id), std::move(*name), 0, {}};
  for (const json::value& alias : *aliases)
    if (alias.is_string()) bound.aliases.emplace_back(alias.get_string());
  for (const json::value& scope : *scopes)
    for (const auto& [bit, known] : kScopes)
      if (scope.is_string() && scope.get_string() == known) bound.scopes |= bit;
  return bound;
}

}  // namespace

std::map<std::string, std::vector<PluginUse>> uses_of(const pipeline::Generation& g) { return Uses{g}.take(); }

plugin::Note note_of(const plugin::Module& m) {
  const slc_entry& e = m.entry();
  plugin::Note note;
  note.abi_major = e.abi_major, note.abi_minor = e.abi_minor;
  note.flags = e.flags;
  note.id = e.id, note.version = e.version, note.built_with = e.built_with ? e.built_with : "";
  for (const plugin::Module::Offer& offer : m.offers()) {
    plugin::Note::Bound& bound = note.bindings.emplace_back();
    bound.interface_id = offer.interface_id, bound.name = offer.spec->name, bound.scopes = offer.spec->scopes;
    for (const char* const* alias = offer.spec->aliases; alias && *alias; ++alias) bound.aliases.emplace_back(*alias);
  }
  return note;
}

void write_note(json::object& to, const plugin::Note& n) {
  to["id"] = n.id, to["version"] = n.version;
  to["abi"] = std::to_string(n.abi_major) + "." + std::to_string(n.abi_minor);
  to["built_with"] = n.built_with;
  to["sanitizer"] = "";
  for (const auto& [flag, name] : kSanitizers)
    if (n.flags & flag) to["sanitizer"] = name;
  json::array bound;
  for (const auto& b : n.bindings) {
    json::object one{{"kind", plugin::kind_name(b.interface_id)}, {"interface", b.interface_id}, {"name", b.name}};
    json::array aliases, scopes;
    for (const auto& a : b.aliases) aliases.emplace_back(a);
    for (const auto& [bit, name] : kScopes)
      if (b.scopes & bit) scopes.emplace_back(name);
    one["aliases"] = std::move(aliases), one["scopes"] = std::move(scopes);
    bound.push_back(std::move(one));
  }
  to["bindings"] = std::move(bound);
}

std::optional<plugin::Note> note_from(const json::object& o) {
  auto id = text_if(o, "id"), version = text_if(o, "version"), abi = text_if(o, "abi"), built_with = text_if(o, "built_with"),
       sanitizer = text_if(o, "sanitizer");
  const json::array* bindings = list(o, "bindings");
  if (!id || !version || !abi || !built_with || !sanitizer || !bindings) return std::nullopt;
  const size_t dot = abi->find('.');
  if (dot == abi->npos) return std::nullopt;
  auto major = parse_decimal<uint16_t>(std::string_view{*abi}.substr(0, dot)), minor = parse_decimal<uint16_t>(std::string_view{*abi}.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  plugin::Note note;
  note.abi_major = *major, note.abi_minor = *minor;
  note.id = std::move(*id), note.version = std::move(*version), note.built_with = std::move(*built_with);
  for (const auto& [flag, name] : kSanitizers)
    if (*sanitizer == name) note.flags |= flag;
  for (const json::value& v : *bindings) {
    auto bound = binding_from(v);
    if (!bound) return std::nullopt;
    note.bindings.push_back(std::move(*bound));
  }
  return note;
}

json::object json_of(const PluginUse& u) { return {{"place", u.place}, {"name", u.name}, {"count", u.count}}; }

std::optional<PluginUse> use_from(const json::value& v) {
  const json::object* o = v.if_object();
  if (!o) return std::nullopt;
  auto place = text_if(*o, "place"), name = text_if(*o, "name");
  const auto count = number_if(*o, "count");
  if (!place || !name || !count) return std::nullopt;
  return PluginUse{std::move(*place), std::move(*name), *count};
}

}  // namespace sluice::app
