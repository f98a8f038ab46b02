#include "core/plugin/services.h"

#include <mutex>
#include <set>

#include "core/log/log.h"
#include "core/plugin/module.h"
#include "core/plugin/token_table.h"

namespace sluice::plugin {
namespace {

struct Service {
  const char* id;
  const void* table;
};
constexpr Service kServices[] = {
    {SLC_SVC_LOG, &kLogService},         {SLC_SVC_EXCHANGE, &kExchangeService}, {SLC_SVC_DOCUMENT, &kDocumentService},
    {SLC_SVC_CONFIG, &kConfigService},   {SLC_SVC_METRICS, &kMetricsService},   {SLC_SVC_SHARED, &kSharedService},
    {SLC_SVC_LOOP, &kLoopService},       {SLC_SVC_NEXT, &kNextService},
    {SLC_SVC_STREAM, &kStreamService},   {SLC_SVC_WORK, &kWorkService},         {SLC_SVC_DNS, &kDnsService},
    {SLC_SVC_STORE, &kStoreService},
};

ServiceFilter filter = nullptr;

std::string who_calls(const void* caller) {
  if (const Place* p = current_place)
    return "plugin " + std::string{p->plugin} + (p->binding.empty() ? "" : " (" + std::string{p->binding} + ")") +
           (p->where.empty() ? "" : " " + std::string{p->where});
  std::string id = plugin_at(caller);
  return id.empty() ? "a plugin" : "plugin " + id;
}

void tell_once(std::string text) {
  static std::mutex mutex;
  static auto* told = new std::set<std::string>;
  std::lock_guard lock{mutex};
  if (told->size() < 1000 && told->insert(text).second) log::write(log::Level::error, text);
}

// Nothing of the exchange is read here: it belongs to another thread.
void tell_of_thread(const char* function, const void* caller) {
  tell_once(who_calls(caller) + " called " + function +
            " on a thread that is not the worker's: the call did nothing. Only resume, post and signal are for other threads");
}

const void* offered(const Service& s) { return filter ? filter(s.id, s.table) : s.table; }

}  // namespace

bool on_thread_of(const slc_worker& w, const char* function, const void* caller) {
  if (w.tokens->on_thread()) return true;
  if constexpr (kChecksThreads) tell_of_thread(function, caller);
  return false;
}

bool on_any_worker(const char* function, const void* caller) {
  if (hook_state.worker != HookState::kNoWorker || !TokenTable::any_published()) return true;
  tell_of_thread(function, caller);
  return false;
}

void tell_of_gone_node(const char* function, const void* caller) {
  tell_once(who_calls(caller) + " gave " + function + " in " + std::string{to_string(hook_state.kind())} +
            " a node that erase() or replace_data() had ended: the call did nothing. Ask for it again, beginning with the object");
}

void set_service_filter(ServiceFilter f) { filter = f; }

const void* find_service(std::string_view id) {
  for (const Service& s : kServices)
    if (id == s.id) return offered(s);
  return nullptr;
}

std::string service_names() {
  std::string all;
  for (const Service& s : kServices)
    if (offered(s)) all.append(all.empty() ? "" : ", ").append(s.id);
  return all;
}

Host::Host(std::string id) : slc_host{}, plugin{std::move(id)} {
  size = sizeof(slc_host);
  abi_major = SLC_ABI_MAJOR, abi_minor = SLC_ABI_MINOR;
  name = str("sluice");
  version = str(SLC_VERSION);
  service = [](const slc_host*, const char* wanted) noexcept -> const void* { return wanted ? find_service(wanted) : nullptr; };
}

}  // namespace sluice::plugin
