// Adds a response header. In the configuration of an endpoint:
//
//   "extra_config": { "example/hello-header": { "name": "X-Hello", "value": "world" } }
//
// Written against the C interface, so that everything that crosses the border can be seen; sluice/plugin.hpp is shorter.
#include <new>
#include <string>
#include <string_view>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

// Services: asked for once, in load(). They live as long as the process.
const slc_exchange_api* exchange;
const slc_document_api* document;
const slc_config_api* config;

std::string_view view(slc_str s) { return s.ptr ? std::string_view{s.ptr, s.len} : std::string_view{}; }
slc_str str(std::string_view s) { return {s.data(), s.size()}; }

// One configuration block, compiled. Immutable: all workers share it.
struct HelloHeader {
  slc_header_id name;
  std::string value;
};

slc_status create(const slc_host* host, slc_node block, slc_report* report, void** object) noexcept {
  // The schema below has been checked: "name" is there and is a string.
  auto* h = new (std::nothrow) HelloHeader{};
  if (!h) return SLC_ENOMEM;
  *object = h;
  h->name = exchange->intern(host, document->text(document->find(block, str("name"))));
  if (!h->name) config->error(report, str("/name"), str("is no header name"));  // an error refuses the configuration
  h->value = view(document->text(document->find(block, str("value"))));
  return SLC_OK;
}

void destroy(void* object) noexcept { delete static_cast<HelloHeader*>(object); }

// On a worker, for each response; must not block. Without worker_start the state is the object itself.
slc_action on_response(void* state, slc_exchange* x, void**) noexcept {
  const auto* h = static_cast<const HelloHeader*>(state);
  exchange->set_header(x, SLC_RESPONSE, h->name, str(h->value));
  return SLC_NEXT;
}

const slc_lifecycle kLife = {sizeof(slc_lifecycle), create, destroy, nullptr, nullptr};
const slc_middleware kMiddleware = {sizeof(slc_middleware), &kLife, nullptr, nullptr, on_response, nullptr};

const slc_binding kBindings[] = {{
    "example/hello-header",
    SLC_IFACE_MIDDLEWARE,
    SLC_AT_ENDPOINT,
    500,  // place in the chain; docs/life-of-a-request.md has the numbers
    R"({"type":"object","required":["name"],"additionalProperties":false,
        "properties":{"name":{"type":"string","minLength":1},"value":{"type":"string"}}})",
    nullptr,
    0,
}};

const char* const kServices[] = {SLC_SVC_EXCHANGE, SLC_SVC_DOCUMENT, SLC_SVC_CONFIG, nullptr};

slc_status load(const slc_host* host, slc_report*) noexcept {
  exchange = static_cast<const slc_exchange_api*>(host->service(host, SLC_SVC_EXCHANGE));
  document = static_cast<const slc_document_api*>(host->service(host, SLC_SVC_DOCUMENT));
  config = static_cast<const slc_config_api*>(host->service(host, SLC_SVC_CONFIG));
  return SLC_OK;  // the host has checked that it has the required services
}

const void* get_interface(const char*, const char*) noexcept { return &kMiddleware; }

}  // namespace

extern "C" const slc_entry SLC_ENTRY_SYMBOL = {
    SLC_ABI_MAGIC,
    sizeof(slc_entry),
    SLC_ABI_MAJOR,
    SLC_ABI_MINOR,
    SLC_BUILD_FLAGS,
    "example.hello-header",
    "1.0.0",
    __VERSION__,
    kServices,
    kBindings,
    sizeof kBindings / sizeof kBindings[0],
    sizeof(slc_binding),
    load,
    nullptr,
    get_interface,
};

// The same for tools, which read it without loading the file.
SLC_PLUGIN_NOTE("example.hello-header", "1.0.0", __VERSION__, SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("example/hello-header", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))
