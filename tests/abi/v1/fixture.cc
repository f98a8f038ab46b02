// The plugin of fixture.c in C++ with a standard library of its own: strings, containers and exceptions stay on its side. Never
// changed, as fixture.c.
#include "plugin.h"

#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

slc_str str(const std::string& s) { return {s.data(), s.size()}; }
slc_str text(const char* s) { return {s, std::strlen(s)}; }

struct Object {
  const slc_exchange_api* exchange;
  slc_header_id header;
  std::map<std::string, std::string> texts;
};

slc_status create(const slc_host* host, slc_node config, slc_report* report, void** out) noexcept {
  try {
    auto* document = static_cast<const slc_document_api*>(host->service(host, SLC_SVC_DOCUMENT));
    slc_str greeting = document->text(document->find(config, text("greeting")));
    if (!greeting.ptr) throw std::invalid_argument{"must be a string"};
    auto o = std::make_unique<Object>();
    o->exchange = static_cast<const slc_exchange_api*>(host->service(host, SLC_SVC_EXCHANGE));
    o->header = o->exchange->intern(host, text("X-Frozen"));
    o->texts["greeting"] = std::string(greeting.ptr, greeting.len);
    *out = o.release();
    return SLC_OK;
  } catch (const std::exception& e) {
    static_cast<const slc_config_api*>(host->service(host, SLC_SVC_CONFIG))->error(report, text("/greeting"), text(e.what()));
    return SLC_EINVAL;
  }
}
void destroy(void* p) noexcept { delete static_cast<Object*>(p); }

slc_action on_request(void* state, slc_exchange* x, void**) noexcept {
  const Object& o = *static_cast<const Object*>(state);
  slc_str asked = o.exchange->header(x, SLC_REQUEST, o.header, 0);
  try {
    if (asked.ptr && std::string(asked.ptr, asked.len) == "stop") throw std::runtime_error{"stop"};
  } catch (const std::runtime_error&) {
    o.exchange->set_status(x, 451);
    return SLC_REPLY;
  }
  return SLC_NEXT;
}
slc_action on_response(void* state, slc_exchange* x, void**) noexcept {
  const Object& o = *static_cast<const Object*>(state);
  o.exchange->set_header(x, SLC_RESPONSE, o.header, str(o.texts.at("greeting")));
  return SLC_NEXT;
}

constexpr slc_lifecycle life() {
  slc_lifecycle l{};
  l.size = sizeof l;
  l.create = create, l.destroy = destroy;
  return l;
}
constexpr slc_lifecycle kLife = life();
constexpr slc_middleware middleware() {
  slc_middleware m{};
  m.size = sizeof m;
  m.life = &kLife;
  m.on_request = on_request, m.on_response = on_response;
  return m;
}
constexpr slc_middleware kMiddleware = middleware();
const void* get_interface(const char* id, const char*) noexcept {
  return std::strcmp(id, SLC_IFACE_MIDDLEWARE) == 0 ? &kMiddleware : nullptr;
}
constexpr slc_binding binding() {
  slc_binding b{};
  b.name = "test/frozen", b.interface_id = SLC_IFACE_MIDDLEWARE;
  b.scopes = SLC_AT_ENDPOINT, b.stage = 300;
  return b;
}
constexpr slc_binding kBindings[] = {binding()};
constexpr slc_entry entry() {
  slc_entry e{};
  e.magic = SLC_ABI_MAGIC, e.size = sizeof e;
  e.abi_major = SLC_ABI_MAJOR, e.abi_minor = SLC_ABI_MINOR;
  e.flags = SLC_BUILD_FLAGS;
  e.id = "test.frozen", e.version = "1.0.0", e.built_with = "C++ " __VERSION__;
  e.bindings = kBindings, e.binding_count = 1, e.binding_size = sizeof(slc_binding);
  e.get_interface = get_interface;
  return e;
}

}  // namespace

extern "C" SLC_EXPORT const slc_entry SLC_ENTRY_SYMBOL = entry();
