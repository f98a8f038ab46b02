// sluice.log/1. [any]
#include "core/log/log.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

constexpr size_t kLongest = 16 * 1024;
constexpr std::string_view kService = "[SERVICE: ";

log::Level level_of(int32_t l) {
  return l <= SLC_DEBUG ? log::Level::debug : l >= SLC_CRITICAL ? log::Level::critical : static_cast<log::Level>(l);
}

int32_t enabled(const slc_host*, int32_t level) noexcept { return log::enabled(level_of(level)); }

void write(const slc_host* host, slc_exchange* x, int32_t level, slc_str text) noexcept {
  if (!sane(text) || !log::enabled(level_of(level))) return;
  std::string line;
  // A plugin's own thread has no place; then the plugin's id must do.
  if (const Place* p = current_place; p && !p->binding.empty()) {
    // At the service a plugin may be known to dashboards by another name than its own: "[SERVICE: Logging] …" stands as it is.
    const bool named_itself = view(text).starts_with(kService) && p->where.starts_with(kService);
    if (!named_itself) line.append(p->where);
    // A plugin that brings a tag of its own ("[Ratelimit] …") goes by that, as the lines do that dashboards look for
    // (logging.md §6); and a place that is named after the plugin needs it no second time.
    const bool tagged = view(text).starts_with("[");
    const bool named = p->where.ends_with(std::string{": "}.append(p->binding).append("]"));
    if (!tagged && !named) line.append("[").append(p->binding).append("]");
    if (!tagged) line += ' ';
  } else {
    line.append("[PLUGIN: ").append(plugin_of(host)).append("] ");
  }
  line.append(view(text).substr(0, kLongest));
  if (x && !x->request_id.empty()) line.append(" (request ").append(x->request_id).append(")");
  log::write(level_of(level), line);
}

}  // namespace

const slc_log_api kLogService = {sizeof(slc_log_api), enabled, write};

}  // namespace sluice::plugin
