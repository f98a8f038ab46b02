// sluice.no-op: the encoding that is none. A decoder without decode and an encoder without encode tell the gateway to pass
// bodies through as they come, with the backend's status and headers (pipeline.md §8.4).
#include <cstring>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

char the_object;

slc_status create(const slc_host*, slc_node, slc_report*, void** object) noexcept {
  *object = &the_object;
  return SLC_OK;
}
void destroy(void*) noexcept {}

constexpr slc_lifecycle kLife{sizeof(slc_lifecycle), create, destroy, nullptr, nullptr};
constexpr slc_decoder kDecoder{sizeof(slc_decoder), &kLife, {nullptr, 0}, nullptr, nullptr};
constexpr slc_encoder kEncoder{sizeof(slc_encoder), &kLife, {nullptr, 0}, nullptr};

const void* get_interface(const char* id, const char*) noexcept {
  if (std::strcmp(id, SLC_IFACE_DECODER) == 0) return &kDecoder;
  if (std::strcmp(id, SLC_IFACE_ENCODER) == 0) return &kEncoder;
  return nullptr;
}

constexpr slc_binding kBindings[] = {
    {"no-op", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, 0},
    {"no-op", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, 0},
};

}  // namespace

extern "C" {
const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_ABI_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "sluice.no-op",
    .version = "0.1.0",
    .built_with = __VERSION__,
    .required_services = nullptr,
    .bindings = kBindings,
    .binding_count = 2,
    .binding_size = sizeof(slc_binding),
    .load = nullptr,
    .unload = nullptr,
    .get_interface = get_interface,
};
}
SLC_PLUGIN_NOTE("sluice.no-op", "0.1.0", __VERSION__, SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("no-op", SLC_IFACE_DECODER, 0) SLC_NOTE_BINDING("no-op", SLC_IFACE_ENCODER, 0))
