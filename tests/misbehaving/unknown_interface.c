/* Binds a name to a kind of interface that this host does not have. */
#include "fixture.h"

static const void* get_interface(const char* id, const char* binding) {
  (void)id, (void)binding;
  return NULL;
}
static const slc_binding kBindings[] = {{"misbehaving/unknown-interface", "sluice.time-machine/1", SLC_AT_ENDPOINT, 0, NULL, NULL, 0}};
FIXTURE_ENTRY("misbehaving.unknown-interface", NULL, get_interface)
SLC_PLUGIN_NOTE("misbehaving.unknown-interface", "1.0.0", "fixture", SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("misbehaving/unknown-interface", "sluice.time-machine/1", SLC_AT_ENDPOINT))
