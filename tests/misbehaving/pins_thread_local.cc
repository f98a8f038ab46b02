// Has a thread_local with a destructor: its image could not be unmapped before every thread that used it has ended. Harmless,
// because images are never unmapped; state of a worker belongs into worker_start all the same.
#include <string>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

thread_local std::string last_path(64, 'x');
slc_action on_request(void*, slc_exchange*, void**) noexcept {
  last_path[0] = 'y';
  return SLC_NEXT;
}
const slc_middleware kMiddleware = {sizeof(slc_middleware), nullptr, on_request, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get_interface(const char*, const char*) noexcept { return &kMiddleware; }
const slc_binding kBindings[] = {{"misbehaving/pins-thread-local", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 500, nullptr, nullptr, 0}};

}  // namespace

extern "C" const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "misbehaving.pins-thread-local", "1.0.0",
    "fixture", nullptr, kBindings, 1, sizeof(slc_binding), nullptr, nullptr, get_interface};
SLC_PLUGIN_NOTE("misbehaving.pins-thread-local", "1.0.0", "fixture", SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("misbehaving/pins-thread-local", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))
