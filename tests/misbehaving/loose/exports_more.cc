// Built without the rules of sluice_add_plugin(): everything is visible, and a template's static member is one object for the
// whole process (STB_GNU_UNIQUE), shared with every other build of this plugin.
#include "sluice/plugin.h"

template <class T>
struct Counted {
  static inline T count = 0;
};
int helper_that_others_may_have_too() { return ++Counted<int>::count; }

namespace {

slc_action on_request(void*, slc_exchange*, void**) noexcept {
  helper_that_others_may_have_too();
  return SLC_NEXT;
}
slc_middleware middleware() {
  slc_middleware m{};
  m.size = sizeof m;
  m.on_request = on_request;
  return m;
}
const slc_middleware kMiddleware = middleware();
const void* get_interface(const char*, const char*) noexcept { return &kMiddleware; }
const slc_binding kBindings[] = {{"misbehaving/exports-more", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT, 500, nullptr, nullptr, 0}};

}  // namespace

extern "C" const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC, sizeof(slc_entry), SLC_ABI_MAJOR, SLC_ABI_MINOR, SLC_BUILD_FLAGS, "misbehaving.exports-more", "1.0.0",
    "fixture", nullptr, kBindings, 1, sizeof(slc_binding), nullptr, nullptr, get_interface};
