// sluice.exchange/1. [worker] except intern. Plugins are trusted not to be hostile, not trusted to be right: what they put
// into a message is checked as network input is (plugin-abi, hazards).
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>

#include "core/base/text.h"
#include "core/plugin/services.h"

namespace sluice::plugin {
namespace {

// ---- interned header names ----

constexpr uint32_t kMaxNames = 65536;
std::array<std::atomic<const std::string*>, kMaxNames> names{};  // by id - 1; read without a lock

slc_header_id intern(const slc_host*, slc_str text) noexcept {
  static std::mutex mutex;
  static auto* ids = new std::map<std::string, slc_header_id, std::less<>>;
  if (!sane(text) || text.len > 256 || !is_token(view(text))) return 0;
  std::string key = to_lower(view(text));
  std::lock_guard lock{mutex};
  if (auto it = ids->find(key); it != ids->end()) return it->second;
  if (ids->size() == kMaxNames) return 0;
  auto id = static_cast<slc_header_id>(ids->size() + 1);
  names[id - 1].store(new std::string{canonical_header(key)}, std::memory_order_release);
  ids->emplace(std::move(key), id);
  return id;
}

http::Headers* headers_of(slc_exchange* x, int32_t side) {
  return side == SLC_REQUEST ? &x->request.headers : side == SLC_RESPONSE ? &x->response.headers : nullptr;
}
// An encoder answers the client, whose wishes input_headers may have kept from the scope it runs in.
http::Headers* readable_headers_of(slc_exchange* x, int32_t side) { return side == SLC_CLIENT ? x->client_headers : headers_of(x, side); }
ArenaVector<http::Slice>* body_of(slc_exchange* x, int32_t side) {
  return side == SLC_REQUEST ? &x->request.body : side == SLC_RESPONSE ? &x->response.body : nullptr;
}

slc_str header(slc_exchange* x, int32_t side, slc_header_id id, uint32_t nth) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "header (sluice.exchange/1)")) return kAbsent;
  http::Headers* h = readable_headers_of(x, side);
  std::string_view name = header_name(id);
  if (!h || name.empty()) return kAbsent;
  const http::Header* found = h->find(name, nth);
  return found ? str(found->value) : kAbsent;
}

slc_status header_at(slc_exchange* x, int32_t side, uint32_t i, slc_str* name, slc_str* value) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "header_at (sluice.exchange/1)")) return SLC_ETHREAD;
  http::Headers* h = readable_headers_of(x, side);
  if (!h) return SLC_EINVAL;
  if (i >= h->size()) return SLC_ENOTFOUND;
  if (name) *name = str((*h)[i].name);
  if (value) *value = str((*h)[i].value);
  return SLC_OK;
}

slc_status put_header(slc_exchange* x, int32_t side, slc_header_id id, slc_str value, bool replace) {
  http::Headers* h = headers_of(x, side);
  std::string_view name = header_name(id);
  if (!h || name.empty() || !sane(value)) return SLC_EINVAL;
  std::string_view v = trim(view(value));  // outer white space is no part of a value (RFC 9110 §5.5)
  if (!is_field_value(v)) return SLC_EINVAL;
  v = x->arena().copy(v);  // before remove: the plugin may pass a view of the value that it replaces
  if (replace)
    h->set(name, v);
  else
    h->add(name, v);
  return SLC_OK;
}
slc_status set_header(slc_exchange* x, int32_t side, slc_header_id id, slc_str v) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_header (sluice.exchange/1)")) return SLC_ETHREAD;
  return put_header(x, side, id, v, true);
}
slc_status add_header(slc_exchange* x, int32_t side, slc_header_id id, slc_str v) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "add_header (sluice.exchange/1)")) return SLC_ETHREAD;
  return put_header(x, side, id, v, false);
}

slc_status remove_header(slc_exchange* x, int32_t side, slc_header_id id) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "remove_header (sluice.exchange/1)")) return SLC_ETHREAD;
  http::Headers* h = headers_of(x, side);
  std::string_view name = header_name(id);
  if (!h || name.empty()) return SLC_EINVAL;
  h->remove(name);
  return SLC_OK;
}

// ---- request line, parameters, status ----

slc_str field(slc_exchange* x, int32_t which) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "field (sluice.exchange/1)")) return kAbsent;
  switch (which) {
    case SLC_METHOD: return str(x->request.method);
    case SLC_PATH: return str(x->request.path);
    case SLC_QUERY: return str(x->request.query);
    case SLC_HOST: return str(x->host);
    case SLC_CLIENT_IP: return str(x->client_ip);
    case SLC_REQUEST_ID: return str(x->request_id);
    case SLC_SCHEME: return str(x->scheme);
    case SLC_ROUTE: return str(x->route);
    case SLC_PEER_IP: return str(x->peer_ip);
    default: return kAbsent;
  }
}

// Nothing that could end a request line or begin another one.
bool is_target_text(std::string_view s, bool blanks) {
  for (char c : s)
    if (static_cast<uint8_t>(c) < ' ' || c == 0x7f || (c == ' ' && !blanks)) return false;
  return true;
}

slc_status set_field(slc_exchange* x, int32_t which, slc_str text) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_field (sluice.exchange/1)")) return SLC_ETHREAD;
  if (!sane(text)) return SLC_EINVAL;
  std::string_view v = view(text);
  switch (which) {
    case SLC_METHOD:
      if (!is_token(v)) return SLC_EINVAL;
      x->request.method = x->arena().copy(v);
      return SLC_OK;
    case SLC_PATH:
      // A backend's path goes on the wire as it stands; before that, paths are percent-decoded and may hold blanks.
      if (v.empty() || v[0] != '/' || !is_target_text(v, x->scope != SLC_AT_BACKEND)) return SLC_EINVAL;
      if (x->scope == SLC_AT_BACKEND && v.find_first_of("?#") != v.npos) return SLC_EINVAL;
      x->request.path = x->arena().copy(v);
      return SLC_OK;
    case SLC_QUERY:
      if (!is_target_text(v, false) || v.find('#') != v.npos) return SLC_EINVAL;
      x->request.query = x->arena().copy(v);
      return SLC_OK;
    default: return SLC_EINVAL;
  }
}

slc_str param(slc_exchange* x, slc_str name) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "param (sluice.exchange/1)")) return kAbsent;
  if (!x->params || !sane(name)) return kAbsent;
  for (const router::Param& p : *x->params)
    if (p.name == view(name)) return str(p.value);
  return kAbsent;
}

slc_status set_param(slc_exchange* x, slc_str name, slc_str value) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_param (sluice.exchange/1)")) return SLC_ETHREAD;
  if (!x->params || !sane(name) || !sane(value) || name.len == 0) return SLC_EINVAL;
  std::string_view v = x->arena().copy(view(value));
  for (router::Param& p : *x->params)
    if (p.name == view(name)) {
      p.value = v;
      return SLC_OK;
    }
  if (x->params->size() >= 1024) return SLC_ELIMIT;
  x->params->push({x->arena().copy(view(name)), v});
  return SLC_OK;
}

int32_t status(slc_exchange* x) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "status (sluice.exchange/1)")) return 0;
  return x->response.status;
}

slc_status set_status(slc_exchange* x, int32_t status) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_status (sluice.exchange/1)")) return SLC_ETHREAD;
  // An interim status cannot be a response's (RFC 9110 §15.2); 101 is a protocol change, which has its own way.
  if (status < 200 || status > 999) return SLC_EINVAL;
  x->response.status = status;
  return SLC_OK;
}

// ---- bodies and data ----

uint32_t body(slc_exchange* x, int32_t side, slc_str* out, uint32_t cap) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "body (sluice.exchange/1)")) return 0;
  ArenaVector<http::Slice>* pieces = body_of(x, side);
  if (!pieces) return 0;
  for (uint32_t i = 0; out && i < cap && i < pieces->size(); ++i) out[i] = str((*pieces)[i]);
  return pieces->size();
}

slc_status set_body(slc_exchange* x, int32_t side, slc_str bytes) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_body (sluice.exchange/1)")) return SLC_ETHREAD;
  ArenaVector<http::Slice>* pieces = body_of(x, side);
  if (!pieces || !sane(bytes)) return SLC_EINVAL;
  std::string_view copy = x->arena().copy(view(bytes));  // first: the bytes may be the body's own
  pieces->resize_down(0);
  if (!copy.empty()) pieces->push(copy);
  return SLC_OK;
}

constexpr size_t kReference = 512;            // stable pieces from this size on are not copied (hot-path, "Writing a merge")
constexpr size_t kFirstRun = 1024, kLongestRun = 16 * 1024;

// Room for `n` bytes right behind the last copied piece, if there is any.
char* run_room(slc_exchange* x, size_t n) {
  if (static_cast<size_t>(x->run_end - x->run_at) < n) {
    size_t size = std::bit_ceil(std::max(n, kFirstRun));
    if (x->run_at && !x->response.body.empty()) {  // a second run: the body is a long one
      size_t before = http::total_size({x->response.body.begin(), x->response.body.size()});
      size = std::max(size, std::min(std::bit_ceil(before), kLongestRun));
    }
    if (n > kLongestRun) size = n;
    x->run_at = static_cast<char*>(x->arena().alloc(size, 1));
    x->run_end = x->run_at + size;
  }
  char* room = x->run_at;
  x->run_at += n;
  return room;
}

slc_status append_body(slc_exchange* x, slc_str bytes, int32_t stable) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "append_body (sluice.exchange/1)")) return SLC_ETHREAD;
  if (!sane(bytes)) return SLC_EINVAL;
  std::string_view piece = view(bytes);
  if (piece.empty()) return SLC_OK;
  ArenaVector<http::Slice>& body = x->response.body;
  http::Slice* last = body.empty() ? nullptr : &body.back();
  if (!stable || (piece.size() < kReference && !(last && last->data() + last->size() == piece.data()))) {
    char* room = run_room(x, piece.size());
    std::memcpy(room, piece.data(), piece.size());
    piece = {room, piece.size()};
  }
  if (last && last->data() + last->size() == piece.data())
    *last = {last->data(), last->size() + piece.size()};
  else
    body.push(piece);
  return SLC_OK;
}

slc_node data(slc_exchange* x) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "data (sluice.exchange/1)")) return slc_node{nullptr, 0};
  if (!x->response.has_data) return {nullptr, 0};
  return handle(&x->response.data, x->memory);
}

slc_builder* replace_data(slc_exchange* x) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "replace_data (sluice.exchange/1)")) return nullptr;
  auto* b = x->arena().make<slc_builder>(x->arena(), nullptr);
  x->building = &b->build;
  return b;
}

int32_t complete(slc_exchange* x) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "complete (sluice.exchange/1)")) return 0;
  return x->response.complete;
}

slc_status set_complete(slc_exchange* x, int32_t v) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "set_complete (sluice.exchange/1)")) return SLC_ETHREAD;
  x->response.complete = v != 0;
  return SLC_OK;
}

// ---- the rest ----

void* alloc(slc_exchange* x, size_t size, size_t align) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "alloc (sluice.exchange/1)")) return nullptr;
  constexpr size_t kMost = size_t{256} << 20;
  if (align == 0) align = alignof(std::max_align_t);
  if (size > kMost || align > 64 || !std::has_single_bit(align)) return nullptr;
  return x->arena().alloc(size ? size : 1, align);
}

void fail(slc_exchange* x, int32_t http_status, slc_str why, slc_str body, slc_str content_type) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "fail (sluice.exchange/1)")) return;
  Error e;
  // A plugin that names a status has decided something; one that names none could not do its work.
  bool valid = http_status >= 200 && http_status <= 999;
  e.code = valid ? Errc::rejected : Errc::plugin;
  e.source = Source::plugin;
  e.http_status = valid ? static_cast<uint16_t>(http_status) : uint16_t{0};
  if (sane(why)) e.message = x->arena().copy(view(why));
  if (sane(body)) e.body = x->arena().copy(view(body));
  if (sane(content_type) && is_field_value(view(content_type))) e.content_type = x->arena().copy(view(content_type));
  x->error = e;
  x->failure_headers = nullptr;  // of another failure
}

slc_status outcome(slc_exchange* x, slc_str* text) noexcept {
  if (!SLC_CHECK_THREAD_OF(*x->worker, "outcome (sluice.exchange/1)")) return SLC_ETHREAD;
  const Error& e = !x->error && x->inside ? *x->inside : x->error;
  if (text) {
    *text = kAbsent;
    if (e) *text = str(e.message.empty() ? to_string(e.code) : e.message);
  }
  return to_status(e.code);
}

int32_t scope(slc_exchange* x) noexcept { return x->scope; }
slc_worker* worker(slc_exchange* x) noexcept { return x->worker; }

}  // namespace

std::string_view header_name(slc_header_id id) {
  if (id == 0 || id > kMaxNames) return {};
  const std::string* name = names[id - 1].load(std::memory_order_acquire);
  return name ? std::string_view{*name} : std::string_view{};
}

const slc_exchange_api kExchangeService = {
    .size = sizeof(slc_exchange_api),
    .intern = intern,
    .header = header,
    .header_at = header_at,
    .set_header = set_header,
    .add_header = add_header,
    .remove_header = remove_header,
    .field = field,
    .set_field = set_field,
    .param = param,
    .set_param = set_param,
    .status = status,
    .set_status = set_status,
    .body = body,
    .set_body = set_body,
    .append_body = append_body,
    .data = data,
    .replace_data = replace_data,
    .complete = complete,
    .set_complete = set_complete,
    .alloc = alloc,
    .fail = fail,
    .outcome = outcome,
    .scope = scope,
    .worker = worker,
};

}  // namespace sluice::plugin
