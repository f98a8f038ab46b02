#include "core/plugin/services.h"

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

}  // namespace

const void* find_service(std::string_view id) {
  for (const Service& s : kServices)
    if (id == s.id) return s.table;
  return nullptr;
}

std::string service_names() {
  std::string all;
  for (const Service& s : kServices) all.append(all.empty() ? "" : ", ").append(s.id);
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
