#include "core/plugin/isolate/status.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/plugin/isolate/supervisor.h"
#include "core/plugin/shared.h"

namespace sluice::plugin::isolate {
namespace {

std::string_view name_of(HelperState s) {
  switch (s) {
    case HelperState::starting: return "starting";
    case HelperState::up: return "up";
    case HelperState::pausing: return "pausing";
    case HelperState::refused: return "refused";
    case HelperState::ending: return "ending";
    case HelperState::ended: return "ended";
  }
  return "unknown";
}

boost::json::object describe(const Helper& h, uint64_t now_ms) {
  boost::json::object o{{"state", name_of(h.state)}, {"deaths", h.deaths}, {"restarts", h.restarts}};
  if (h.pid > 0) o["pid"] = h.pid;
  if (h.state == HelperState::up) o["up_s"] = static_cast<double>(now_ms - h.up_since_ms) / 1000;
  if (h.state == HelperState::pausing) o["again_in_ms"] = h.due_ms > now_ms ? h.due_ms - now_ms : 0;
  if (!h.last_death.empty()) o["last_death"] = h.last_death;
  return o;
}

}  // namespace

std::string status_json() {
  boost::json::array plugins;
  if (auto supervisor = Supervisor::existing()) {
    std::lock_guard lock{supervisor->mutex()};
    const uint64_t now_ms = shared::now_ns() / 1'000'000;
    std::vector<const Subject*> seen;
    for (const auto& h : supervisor->helpers()) {
      if (h->probe) continue;
      size_t i = 0;
      while (i < seen.size() && seen[i] != h->subject) ++i;
      if (i == seen.size()) {
        seen.push_back(h->subject);
        plugins.push_back(
            {{"plugin", h->subject->id}, {"file", h->subject->title}, {"timeout_ms", h->subject->limits.timeout_ms}, {"helpers", boost::json::array{}}});
      }
      plugins[i].get_object().at("helpers").get_array().push_back(describe(*h, now_ms));
    }
  }
  return boost::json::serialize(plugins);
}

}  // namespace sluice::plugin::isolate
