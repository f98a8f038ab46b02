// Throws out of a raw hook, without the C++ wrapper's barrier. Hooks are noexcept when seen from C++, so the process ends in
// std::terminate at the throw, with the plugin's frames in the core: the host catches nothing, because a plugin that may be
// written in another language cannot rely on it. Loading it is fine.
#include <stdexcept>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

[[noreturn]] void fail() { throw std::runtime_error("raw"); }
slc_action on_request(void*, slc_exchange*, void**) noexcept { fail(); }
const slc_middleware kMiddleware = {sizeof(slc_middleware), nullptr, on_request, nullptr, nullptr, nullptr, nullptr, nullptr};
const void* get_interface(const char*, const char*) noexcept { return &kMiddleware; }
const slc_binding kBindings[] = {{"misbehaving/throws", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 500, nullptr, nullptr, 0}};

}  // namespace

extern "C" const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "misbehaving.throws-raw", "1.0.0",
    "fixture", nullptr, kBindings, 1, sizeof(slc_binding), nullptr, nullptr, get_interface};
SLC_PLUGIN_NOTE("misbehaving.throws-raw", "1.0.0", "fixture", SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("misbehaving/throws", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))
