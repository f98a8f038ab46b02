// sluice.string: a body as one string. Decoder: {"content": "<body>"} (encodings.md §4). Encoder: the string under "content",
// nothing when it is none (pipeline.md §8).
#include <atomic>
#include <cstring>

#include "sluice/note.h"
#include "sluice/plugin.h"

namespace {

// Set by every load, always to the same tables: the process has one host.
std::atomic<const slc_document_api*> document_api{nullptr};
std::atomic<const slc_exchange_api*> exchange_api{nullptr};
const slc_document_api& document() { return *document_api.load(std::memory_order_relaxed); }
const slc_exchange_api& exchange() { return *exchange_api.load(std::memory_order_relaxed); }

constexpr slc_str kContent{"content", 7};
char the_object;

slc_status create(const slc_host*, slc_node, slc_report*, void** object) noexcept {
  *object = &the_object;
  return SLC_OK;
}
void destroy(void*) noexcept {}

// Bytes that are no UTF-8 stay as they are: what writes them decides.
slc_status decode(void*, const slc_str* chunks, uint32_t n, uint32_t, slc_builder* builder, slc_str* why) noexcept {
  const slc_document_api& doc = document();
  slc_str text{"", 0};
  size_t total = 0;
  for (uint32_t i = 0; i < n; ++i) total += chunks[i].ptr ? chunks[i].len : 0;
  if (n == 1 && total) {
    text = chunks[0];  // lives as long as the exchange
  } else if (total) {
    auto* whole = static_cast<char*>(doc.alloc(builder, total));
    if (!whole) {
      *why = {"no memory for the body", 22};
      return SLC_ENOMEM;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < n; ++i) {
      if (!chunks[i].ptr || !chunks[i].len) continue;
      std::memcpy(whole + at, chunks[i].ptr, chunks[i].len);
      at += chunks[i].len;
    }
    text = {whole, total};
  }
  slc_status status = doc.begin(builder, SLC_OBJECT);
  if (status == SLC_OK) status = doc.key(builder, kContent);
  if (status == SLC_OK) status = doc.string_stable(builder, text);
  if (status == SLC_OK) status = doc.end(builder);
  if (status != SLC_OK) *why = {"the document cannot be built", 28};
  return status;
}

slc_status encode(void*, slc_exchange* x, slc_node data) noexcept {
  const slc_document_api& doc = document();
  slc_node content = data.p && doc.kind(data) == SLC_OBJECT ? doc.find(data, kContent) : slc_node{nullptr, 0};
  if (!content.p || doc.kind(content) != SLC_STRING) return SLC_OK;
  slc_str text = doc.text(content);
  return text.ptr && text.len ? exchange().append_body(x, text, 1) : SLC_OK;
}

constexpr slc_lifecycle kLife{sizeof(slc_lifecycle), create, destroy, nullptr, nullptr};
constexpr slc_decoder kDecoder{sizeof(slc_decoder), &kLife, {nullptr, 0}, decode, nullptr};
constexpr slc_encoder kEncoder{sizeof(slc_encoder), &kLife, {"text/plain; charset=utf-8", 25}, encode};

slc_status load(const slc_host* host, slc_report*) noexcept {
  auto* doc = static_cast<const slc_document_api*>(host->service(host, SLC_SVC_DOCUMENT));
  auto* x = static_cast<const slc_exchange_api*>(host->service(host, SLC_SVC_EXCHANGE));
  if (!doc || !x || !SLC_HAS(doc, slc_document_api, alloc) || !SLC_HAS(x, slc_exchange_api, append_body)) return SLC_ENOTFOUND;
  document_api.store(doc, std::memory_order_relaxed);
  exchange_api.store(x, std::memory_order_relaxed);
  return SLC_OK;
}

const void* get_interface(const char* id, const char*) noexcept {
  if (std::strcmp(id, SLC_IFACE_DECODER) == 0) return &kDecoder;
  if (std::strcmp(id, SLC_IFACE_ENCODER) == 0) return &kEncoder;
  return nullptr;
}

constexpr const char* kServices[] = {SLC_SVC_DOCUMENT, SLC_SVC_EXCHANGE, nullptr};
constexpr slc_binding kBindings[] = {
    {"string", SLC_IFACE_DECODER, 0, 0, nullptr, nullptr, 0},
    {"string", SLC_IFACE_ENCODER, 0, 0, nullptr, nullptr, 0},
};

}  // namespace

extern "C" {
const slc_entry SLC_ENTRY_SYMBOL = {
    .magic = SLC_ABI_MAGIC,
    .size = sizeof(slc_entry),
    .abi_major = SLC_ABI_MAJOR,
    .abi_minor = SLC_ABI_MINOR,
    .flags = SLC_BUILD_FLAGS,
    .id = "sluice.string",
    .version = "0.1.0",
    .built_with = __VERSION__,
    .required_services = kServices,
    .bindings = kBindings,
    .binding_count = 2,
    .binding_size = sizeof(slc_binding),
    .load = load,
    .unload = nullptr,
    .get_interface = get_interface,
};
}
SLC_PLUGIN_NOTE("sluice.string", "0.1.0", __VERSION__, SLC_BUILD_FLAGS,
                SLC_NOTE_BINDING("string", SLC_IFACE_DECODER, 0) SLC_NOTE_BINDING("string", SLC_IFACE_ENCODER, 0))
