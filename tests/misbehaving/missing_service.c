/* Requires a service that this host does not have. */
#include "fixture.h"

static const char* const kServices[] = {SLC_SVC_LOG, "sluice.stream/9", NULL};
static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return NULL;
}
FIXTURE_BINDING("misbehaving/missing-service", SLC_AT_ENDPOINT)

const slc_entry SLC_ENTRY_SYMBOL = {SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS,
                                    "misbehaving.missing-service", "1.0.0", "fixture", kServices, kBindings, 1,
                                    sizeof(slc_binding), NULL, NULL, get_interface};
FIXTURE_NOTE("misbehaving.missing-service", "misbehaving/missing-service", SLC_AT_ENDPOINT)
