// Has a static object with a destructor: it runs when the process ends, after the workers and everything it may use have gone.
#include <string>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

std::string greeting(64, 'x');
slc_action on_request(void*, slc_exchange*, void**) noexcept { return greeting.empty() ? SLC_FAIL : SLC_NEXT; }
const slc_middleware kMiddleware = {sizeof(slc_middleware), nullptr, on_request, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get_interface(const char*, const char*) noexcept { return &kMiddleware; }
const slc_binding kBindings[] = {{"misbehaving/static-destructor", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 500, nullptr, nullptr, 0}};

}  // namespace

extern "C" const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "misbehaving.static-destructor", "1.0.0",
    "fixture", nullptr, kBindings, 1, sizeof(slc_binding), nullptr, nullptr, get_interface};
SLC_PLUGIN_NOTE("misbehaving.static-destructor", "1.0.0", "fixture", SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("misbehaving/static-destructor", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))
