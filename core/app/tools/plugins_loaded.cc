#include "core/app/tools/plugins_loaded.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "core/app/json_fields.h"

namespace sluice::app {
namespace {

namespace json = boost::json;

std::optional<ListedPlugin> plugin_from(const json::value& v) {
  const json::object* o = v.if_object();
  if (!o) return std::nullopt;
  ListedPlugin p;
  p.state = ListedPlugin::State::loaded;
  p.file = text(*o, "file"), p.sha256 = text(*o, "sha256"), p.role = text(*o, "role");
  p.note = note_from(*o);
  const json::array* places = list(*o, "places");
  if (p.file.empty() || !p.note || !places) return std::nullopt;
  p.from_entry = !is_true(*o, "note"), p.isolated = is_true(*o, "isolated");
  p.generation = number(*o, "generation");
  for (const json::value& place : *places) {
    auto use = use_from(place);
    if (!use) return std::nullopt;
    p.uses.push_back(std::move(*use));
  }
  p.more_places = number(*o, "more_places");
  if (const uint64_t all = number(*o, "used"), listed = p.used(); all > listed) p.more_uses = all - listed;
  return p;
}

Result<PluginList, Problem> read(const AdminAnswer& answer, const std::string& socket) {
  if (answer.status == 404) return Problem{socket + ": the gateway there is of another version, which does not tell"};
  const auto unexpected = [&] { return Problem{socket + ": unexpected answer of the gateway: " + answer.body.substr(0, 200)}; };
  json::error_code wrong;
  const json::value parsed = json::parse(answer.body, wrong);
  const json::object* o = answer.status == 200 && !wrong ? parsed.if_object() : nullptr;
  const json::array* plugins = o ? list(*o, "plugins") : nullptr;
  if (!plugins) return unexpected();
  PluginList out;
  out.with_configuration = true;
  RunningGateway& gateway = out.gateway.emplace();
  gateway.socket = socket, gateway.pid = static_cast<int64_t>(number(*o, "pid"));
  gateway.config = text(*o, "config"), gateway.generation = number(*o, "generation");
  const json::value* listen = o->if_contains("listen");
  if (listen && listen->is_object()) gateway.address = text(listen->get_object(), "address"), gateway.port = number(listen->get_object(), "port");
  for (const json::value& v : *plugins) {
    auto p = plugin_from(v);
    if (!p) return unexpected();
    out.plugins.push_back(std::move(*p));
  }
  if (const json::array* problems = list(*o, "problems"))
    for (const json::value& v : *problems)
      if (v.is_string()) out.problems.emplace_back(v.get_string());
  return out;
}

}  // namespace

Result<std::optional<PluginList>, Problem> ask_loaded(const AdminFlags& flags) {
  const bool named = is_named(flags);
  if (!named && !any_gateway()) return std::optional<PluginList>{};
  auto socket = find_admin(flags);
  if (!socket) return socket.error();
  auto answer = ask_admin(*socket, "GET", "/plugins", patience_s(flags));
  if (!answer) return answer.error();
  auto loaded = read(*answer, *socket);
  if (!loaded) return loaded.error();
  return std::optional<PluginList>{std::move(*loaded)};
}

}  // namespace sluice::app
