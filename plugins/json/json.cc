// sluice.json: the decoders json, fast-json and safejson, the encoders json, fast-json and json-collection.
#include <cstring>
#include <mutex>
#include <string_view>
#include <vector>

#include "decode.h"
#include "encode.h"
#include "sluice/note.h"

namespace sluice::json {

namespace {

// One workspace per worker, shared by the decoder objects of all backends and generations: an index takes four bytes per
// byte of the biggest body seen, and a worker decodes one body at a time.
class Workspaces {
 public:
  Workspace* take(slc_worker* worker) {
    std::lock_guard lock{mutex_};
    for (Entry& e : entries_)
      if (e.worker == worker) return ++e.users, e.workspace;
    entries_.push_back({worker, new Workspace, 1});
    return entries_.back().workspace;
  }
  void leave(Workspace* workspace) {
    std::lock_guard lock{mutex_};
    for (Entry& e : entries_) {
      if (e.workspace != workspace) continue;
      if (--e.users == 0) {
        delete e.workspace;
        e = entries_.back();
        entries_.pop_back();
      }
      return;
    }
  }

 private:
  struct Entry {
    slc_worker* worker;
    Workspace* workspace;
    uint32_t users;
  };
  std::mutex mutex_;  // starting and stopping only
  std::vector<Entry> entries_;
};
Workspaces workspaces;

// Encodings are named without a block: one constant object serves all.
char the_object;

slc_status create(const slc_host*, slc_node, slc_report*, void** object) noexcept {
  *object = &the_object;
  return SLC_OK;
}
void destroy(void*) noexcept {}
slc_status worker_start(void*, slc_worker* worker, void** state) noexcept {
  *state = workspaces.take(worker);
  return SLC_OK;
}
void worker_stop(void* state) noexcept { workspaces.leave(static_cast<Workspace*>(state)); }

slc_status decode_json(void* state, const slc_str* chunks, uint32_t n, uint32_t flags, slc_builder* builder, slc_str* why) noexcept {
  return decode(static_cast<Workspace*>(state), chunks, n, flags & SLC_DECODE_COLLECTION ? Accept::collection : Accept::object,
                builder, why);
}
slc_status decode_safe(void* state, const slc_str* chunks, uint32_t n, uint32_t, slc_builder* builder, slc_str* why) noexcept {
  return decode(static_cast<Workspace*>(state), chunks, n, Accept::anything, builder, why);
}

slc_status encode_json(void*, slc_exchange* x, slc_node data) noexcept { return encode(x, data); }
// The value under "collection", whatever it is; without one an empty array (pipeline.md §8).
slc_status encode_collection(void*, slc_exchange* x, slc_node data) noexcept {
  slc_node list = data.p && document().kind(data) == SLC_OBJECT ? document().find(data, {"collection", 10}) : slc_node{nullptr, 0};
  return list.p ? encode(x, list) : exchange().append_body(x, {"[]", 2}, 0);
}

constexpr slc_str kContentType{"application/json; charset=utf-8", 31};
constexpr slc_lifecycle kPerWorker{sizeof(slc_lifecycle), create, destroy, worker_start, worker_stop, nullptr, nullptr};
constexpr slc_lifecycle kConstant{sizeof(slc_lifecycle), create, destroy, nullptr, nullptr, nullptr, nullptr};
constexpr slc_decoder kJson{sizeof(slc_decoder), &kPerWorker, kFormat, decode_json, expand};
constexpr slc_decoder kSafeJson{sizeof(slc_decoder), &kPerWorker, kFormat, decode_safe, expand};
constexpr slc_encoder kEncodeJson{sizeof(slc_encoder), &kConstant, kContentType, encode_json};
constexpr slc_encoder kEncodeCollection{sizeof(slc_encoder), &kConstant, kContentType, encode_collection};

slc_status load(const slc_host* host, slc_report*) noexcept {
  auto* doc = static_cast<const slc_document_api*>(host->service(host, SLC_SVC_DOCUMENT));
  auto* x = static_cast<const slc_exchange_api*>(host->service(host, SLC_SVC_EXCHANGE));
  if (!doc || !x || !SLC_HAS(doc, slc_document_api, whole) || !SLC_HAS(x, slc_exchange_api, alloc)) return SLC_ENOTFOUND;
  document_api.store(doc, std::memory_order_relaxed);
  exchange_api.store(x, std::memory_order_relaxed);
  return SLC_OK;
}

const void* get_interface(const char* id, const char* binding) noexcept {
  std::string_view name{binding};
  if (std::strcmp(id, SLC_IFACE_DECODER) == 0) return name == "safejson" ? &kSafeJson : &kJson;
  if (std::strcmp(id, SLC_IFACE_ENCODER) == 0) return name == "json-collection" ? &kEncodeCollection : &kEncodeJson;
  return nullptr;
}

constexpr const char* kServices[] = {SLC_SVC_DOCUMENT, SLC_SVC_EXCHANGE, nullptr};
constexpr slc_binding kBindings[] = {
    {"json", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, SLC_BIND_DEFAULT},
    {"fast-json", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, 0},
    {"safejson", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, 0},
    {"json", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, SLC_BIND_DEFAULT},
    {"fast-json", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, SLC_BIND_GIVES_WAY},  // config.md §9,
    {"json-collection", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, 0},
};

}  // namespace

}  // namespace sluice::json

extern "C" {
const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_NEEDED_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "sluice.json",
    .version = "0.1.0",
    .built_with = __VERSION__,
    .required_services = sluice::json::kServices,
    .bindings = sluice::json::kBindings,
    .binding_count = sizeof sluice::json::kBindings / sizeof sluice::json::kBindings[0],
    .binding_size = sizeof(slc_binding),
    .load = sluice::json::load,
    .unload = nullptr,
    .get_interface = sluice::json::get_interface,
};
}
SLC_PLUGIN_NOTE("sluice.json", "0.1.0", __VERSION__, SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("json", SLC_IFACE_DECODER, 0) SLC_NOTE_BINDING("fast-json", SLC_IFACE_DECODER, 0)
                SLC_NOTE_BINDING("safejson", SLC_IFACE_DECODER, 0) SLC_NOTE_BINDING("json", SLC_IFACE_ENCODER, 0)
                SLC_NOTE_BINDING("fast-json", SLC_IFACE_ENCODER, 0) SLC_NOTE_BINDING("json-collection", SLC_IFACE_ENCODER, 0))
