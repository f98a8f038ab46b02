#include "core/app/tools/plugins_cost.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "core/app/json_fields.h"

namespace sluice::app {
namespace {

namespace json = boost::json;

Result<RunningCosts, Problem> read(const AdminAnswer& answer) {
  json::error_code wrong;
  json::value status = json::parse(answer.body, wrong);
  const json::object* o = answer.status == 200 && !wrong ? status.if_object() : nullptr;
  if (!o) return Problem{"unexpected answer of the running gateway: " + answer.body.substr(0, 200)};
  RunningCosts costs;
  costs.pid = static_cast<int64_t>(number(*o, "pid"));
  const json::value* cost = o->if_contains("cost");
  const json::value* plugins = cost && cost->is_object() ? cost->get_object().if_contains("plugins") : nullptr;
  if (!plugins || !plugins->is_array()) return costs;
  for (const json::value& v : plugins->get_array()) {
    const json::object* p = v.if_object();
    if (!p) continue;
    costs.of[text(*p, "plugin")].push_back({text(*p, "version"), number(*p, "calls"), number(*p, "errors"), number(*p, "busy_ns"), number(*p, "longest_ns"),
                                            number(*p, "waits"), number(*p, "waited_ns"), number(*p, "timed_out"), number(*p, "arena_bytes"),
                                            number(*p, "stalls")});
  }
  return costs;
}

}  // namespace

Result<std::optional<RunningCosts>, Problem> ask_costs(const AdminFlags& flags) {
  const bool named = is_named(flags);
  std::optional<RunningCosts> none;
  auto socket = find_admin(flags);
  if (!socket) {
    if (!named) return none;
    return socket.error();
  }
  auto answer = ask_admin(*socket, "GET", "/status", patience_s(flags));
  if (!answer) {
    if (!named) return none;
    return answer.error();
  }
  auto costs = read(*answer);
  if (!costs) {
    if (!named) return none;
    return costs.error();
  }
  return std::optional<RunningCosts>{std::move(*costs)};
}

}  // namespace sluice::app
