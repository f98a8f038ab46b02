// sluice.config/1. [load]
#include "core/plugin/report.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

void add(slc_report* r, config::Issue::Severity severity, slc_str pointer, slc_str message) {
  if (r->issues.size() >= slc_report::kMost) return;
  config::Issue issue;
  issue.severity = severity;
  issue.pointer = r->base;
  if (sane(pointer) && pointer.len) {
    if (*pointer.ptr != '/') issue.pointer += '/';
    issue.pointer += view(pointer.len > 1024 ? slc_str{pointer.ptr, 1024} : pointer);
  }
  issue.message = sane(message) && message.len ? std::string{view(message).substr(0, 4096)} : "invalid";
  r->issues.push_back(std::move(issue));
}

void error(slc_report* r, slc_str pointer, slc_str message) noexcept {
  r->failed = true;
  add(r, config::Issue::Severity::error, pointer, message);
}
void warning(slc_report* r, slc_str pointer, slc_str message) noexcept {
  add(r, config::Issue::Severity::warning, pointer, message);
}

slc_node surrounding(slc_report* r, int32_t scope) noexcept {
  const config::Element* e = nullptr;
  if (r->context) switch (scope) {
      case SLC_AT_SERVICE: e = r->context->root; break;
      case SLC_AT_ENDPOINT:
      case SLC_AT_PROXY: e = r->context->endpoint; break;
      case SLC_AT_BACKEND: e = r->context->backend; break;
      default: break;
    }
  if (!e || !e->value || !r->trees) return {nullptr, 0};
  return handle(r->trees->document_of(*e->value), nullptr);
}

slc_str location(slc_report* r) noexcept { return str(r->trees ? r->trees->arena.copy(r->base) : std::string_view{}); }
slc_str place(slc_report* r) noexcept {
  return r->context && r->trees ? str(r->trees->arena.copy(r->context->where)) : kAbsent;
}
int32_t scope(slc_report* r) noexcept { return r->context ? r->context->scope : 0; }

}  // namespace

const slc_config_api kConfigService = {sizeof(slc_config_api), error, warning, surrounding, location, place, scope};

}  // namespace sluice::plugin
