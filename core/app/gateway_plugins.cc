// The plugins that are loaded, for sluice plugins. [any]
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <set>

#include "core/app/gateway_impl.h"
#include "core/app/plugin_facts.h"
#include "core/plugin/module.h"

namespace sluice::app {
namespace {

using boost::json::array;
using boost::json::object;

constexpr size_t kMostPlaces = 1000;  // of each plugin; "used" counts all

void add_uses(object& o, const std::vector<PluginUse>* uses) {
  uint64_t used = 0;
  array places;
  if (uses) {
    for (const PluginUse& u : *uses) {
      used += u.count;
      if (places.size() < kMostPlaces) places.push_back(json_of(u));
    }
    if (uses->size() > kMostPlaces) o["more_places"] = uses->size() - kMostPlaces;
  }
  o["used"] = used, o["places"] = std::move(places);
}

object plugin_of(const plugin::Module& m) {
  object o;
  const bool linked = m.image_path().empty();
  // Who asks stands in another folder.
  std::error_code ec;
  const auto file = linked ? std::filesystem::path{} : std::filesystem::absolute(m.file(), ec).lexically_normal();
  o["file"] = linked || ec ? m.file() : file.string();
  write_note(o, note_of(m));
  o["note"] = m.has_note();
  o["isolated"] = m.described();
  if (!linked) o["sha256"] = m.fingerprint();
  return o;
}

}  // namespace

std::string Gateway::plugins() const {
  Impl& self = *impl_;
  object out{{"pid", ::getpid()}, {"config", self.options.config_file}};
  // Under the mutex no generation ends, and only the main thread may end one: it waits at a reload, and no worker does.
  std::lock_guard lock{self.mutex};
  out["listen"] = {{"address", self.listen_ip}, {"port", self.port}};
  out["generation"] = self.current_number;
  std::vector<const Live*> all;
  for (const auto& l : self.live)
    if (l->generation) all.push_back(l.get());
  std::stable_partition(all.begin(), all.end(), [&](const Live* l) { return l->number == self.current_number; });
  array plugins, problems;
  std::set<const plugin::Module*> told;
  for (const Live* l : all) {
    std::optional<std::map<std::string, std::vector<PluginUse>>> uses;
    for (const auto& m : l->generation->registry->modules()) {
      if (!told.insert(m.get()).second) continue;
      if (!uses) uses = uses_of(*l->generation);
      object o = plugin_of(*m);
      o["generation"] = l->number, o["role"] = role_of(*l);
      const auto of = uses->find(m->entry().id);
      add_uses(o, of == uses->end() ? nullptr : &of->second);
      plugins.push_back(std::move(o));
    }
    if (l->number == self.current_number)
      for (const std::string& p : l->problems) problems.emplace_back(p);
  }
  out["plugins"] = std::move(plugins), out["problems"] = std::move(problems);
  return boost::json::serialize(out);
}

}  // namespace sluice::app
