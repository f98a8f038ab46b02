#include "core/plugin/isolate/message.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/plugin/isolate/ring.h"
#include "core/plugin/services.h"

namespace sluice::plugin::isolate {
namespace {

constexpr uint32_t kMostHeaders = 10'000, kMostParams = 1024;
constexpr size_t kMostWhy = size_t{64} << 10;

void put_headers(Writer& w, const http::Headers& h) {
  w.u32(h.size());
  for (const http::Header& f : h) w.text(f.name), w.text(f.value);
}
void take_headers_of(Reader& r, http::Headers& h, Arena& arena) {
  h.bind(arena);
  uint32_t n = r.count(8);
  h.reserve(n);
  for (uint32_t i = 0; i < n && r.ok(); ++i) {
    std::string_view name = r.text();
    h.add(name, r.text());
  }
}

// One text, whatever the number of pieces.
void put_body(Writer& w, std::string& out, const ArenaVector<http::Slice>& body) {
  w.u32(static_cast<uint32_t>(http::total_size(body.span())));
  for (http::Slice s : body) out.append(s);
}

void put_error(Writer& w, const Error* e) {
  w.u8(e ? static_cast<uint8_t>(e->code) : 0);
  if (e && *e) w.text(e->message);
}
void take_error(Reader& r, Error& e) {
  e = {};
  e.code = static_cast<Errc>(std::min<uint8_t>(r.u8(), static_cast<uint8_t>(Errc::internal)));
  if (e) e.message = r.text();
}

template <class T>
void copy_list(Arena& arena, ArenaVector<T>& to, const T* begin, const T* end) {
  to.bind(arena);
  to.reserve(static_cast<uint32_t>(end - begin));
  for (; begin != end; ++begin) to.push(*begin);
}

bool same(const ArenaVector<http::Header>& a, const http::Headers& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const http::Header& x, const http::Header& y) {
           return x.name == y.name && x.value == y.value;
         });
}
// By place: a plugin's own bytes are never where the gateway's are.
bool same(const ArenaVector<http::Slice>& a, const ArenaVector<http::Slice>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](http::Slice x, http::Slice y) {
           return x.data() == y.data() && x.size() == y.size();
         });
}
bool same(const ArenaVector<router::Param>& a, const ArenaVector<router::Param>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](const router::Param& x, const router::Param& y) {
           return x.name == y.name && x.value == y.value;
         });
}

// What a reply tells of, each at most once, in this order of application.
enum Part : uint8_t {
  kEnd = 0, kMethod, kPath, kQuery, kRequestHeaders, kResponseHeaders, kParams, kStatus, kComplete, kRequestBody,
  kResponseBody, kData, kNoData, kFailure, kChosen, kCosts,
};

}  // namespace

std::string_view hook_name(uint32_t h) {
  switch (static_cast<Hook>(h)) {
    case Hook::request: return "on_request";
    case Hook::raw_response: return "on_raw_response";
    case Hook::response: return "on_response";
    case Hook::done: return "on_done";
    case Hook::send: return "send";
    case Hook::cancel: return "cancel";
    case Hook::write: return "write";
    case Hook::watch: return "watch";
    case Hook::flush: return "flush";
    case Hook::level: return "level";
    case Hook::export_state: return "export_state";
    case Hook::import_state: return "import_state";
    case Hook::decode: return "decode";
    case Hook::encode: return "encode";
    case Hook::pick: return "pick";
    case Hook::call: return "on_call";
    case Hook::attempt: return "on_attempt";
  }
  return "a callback";
}

HookKind hook_kind(Hook h) {
  switch (h) {
    case Hook::request: return HookKind::on_request;
    case Hook::raw_response: return HookKind::on_raw_response;
    case Hook::response: return HookKind::on_response;
    case Hook::done: return HookKind::on_done;
    case Hook::send: return HookKind::send;
    case Hook::cancel: return HookKind::cancel;
    case Hook::write: return HookKind::log_write;
    case Hook::watch: return HookKind::watch;
    case Hook::flush: return HookKind::log_flush;
    case Hook::level: return HookKind::log_level;
    case Hook::export_state: return HookKind::export_state;
    case Hook::import_state: return HookKind::import_state;
    case Hook::decode: return HookKind::decode;
    case Hook::encode: return HookKind::encode;
    case Hook::pick: return HookKind::pick;
    case Hook::call: return HookKind::on_call;
    case Hook::attempt: return HookKind::on_attempt;
  }
  return HookKind::callback;
}

bool is_callback(HookKind k) { return k >= HookKind::timer && k <= HookKind::callback; }

bool put_call(std::string& out, const CallHead& head, slc_exchange& x, const Question& q) {
  Writer w{out};
  w.u32(0);  // length
  w.u8(static_cast<uint8_t>(head.kind));
  w.u8(static_cast<uint8_t>(head.hook));
  w.u64(head.id), w.u64(head.link), w.u64(head.object);
  w.u8(head.request_body), w.u8(head.response_body);
  if (head.kind == CallKind::forget) return true;
  if (head.hook == Hook::decode) {
    w.u32(q.flags);
    put_body(w, out, x.response.body);
    return out.size() <= kMostFrame;
  }
  w.i32(x.scope);
  w.u32(remaining_ms(x));
  for (std::string_view s : {x.host, x.client_ip, x.peer_ip, x.request_id, x.scheme, x.route, x.request.method, x.request.path, x.request.query})
    w.text(s);
  put_headers(w, x.request.headers);
  w.u32(x.params ? x.params->size() : 0);
  if (x.params)
    for (const router::Param& p : *x.params) w.text(p.name), w.text(p.value);
  if (head.request_body) put_body(w, out, x.request.body);
  w.i32(x.response.status);
  w.u8(x.response.complete);
  put_headers(w, x.response.headers);
  if (head.response_body) put_body(w, out, x.response.body);
  put_error(w, &x.error);
  put_error(w, x.inside);
  w.u8(x.response.has_data);
  if (x.response.has_data && !w.tree(x.memory, x.response.data)) return false;
  if (head.hook == Hook::encode) put_headers(w, x.client_headers ? *x.client_headers : http::Headers{});
  if (head.hook == Hook::pick) {
    w.u64(q.list), w.u32(q.count);
    for (const slc_candidate& c : std::span{q.candidates, q.count}) w.text(view(c.url)), w.u32(c.weight), w.u32(c.pending);
  }
  return out.size() <= kMostFrame;
}

bool take_head(Reader& r, CallHead* h) {
  uint8_t kind = r.u8(), hook = r.u8();
  h->kind = static_cast<CallKind>(kind), h->hook = static_cast<Hook>(hook);
  h->id = r.u64(), h->link = r.u64(), h->object = r.u64();
  h->request_body = r.u8() != 0, h->response_body = r.u8() != 0;
  if (!r.ok() || kind < 1 || kind > 4 || hook < 1) return false;
  if (h->kind == CallKind::attempt) return h->hook == Hook::call;
  return hook <= 6 || (h->kind == CallKind::hook && (answers_at_once(h->hook) || h->hook == Hook::call));
}

bool take_call(Reader& r, const CallHead& head, slc_exchange& x, Error& inside, Question* q) {
  auto take_body = [&](ArenaVector<http::Slice>& body) {
    body.bind(x.arena());
    if (std::string_view bytes = r.text(); !bytes.empty()) body.push(bytes);
  };
  if (head.hook == Hook::decode) {
    const uint32_t flags = r.u32();
    if (q) q->flags = flags;
    take_body(x.response.body);
    return r.at_end();
  }
  x.scope = r.i32();
  const uint32_t remaining = r.u32();  // the clocks of two loops have nothing in common
  x.ends_ms = remaining == UINT32_MAX ? UINT64_MAX : x.worker->loop.now_ms() + remaining;
  for (std::string_view* s : {&x.host, &x.client_ip, &x.peer_ip, &x.request_id, &x.scheme, &x.route, &x.request.method, &x.request.path, &x.request.query})
    *s = r.text();
  take_headers_of(r, x.request.headers, x.arena());
  if (x.params) x.params->bind(x.arena());
  for (uint32_t i = r.count(8); i > 0 && r.ok(); --i) {
    std::string_view name = r.text(), value = r.text();
    if (x.params) x.params->push({name, value});
  }
  if (head.request_body) take_body(x.request.body);
  x.response.status = r.i32();
  x.response.complete = r.u8() != 0;
  take_headers_of(r, x.response.headers, x.arena());
  if (head.response_body) take_body(x.response.body);
  x.run_at = x.run_end = nullptr;
  take_error(r, x.error);
  take_error(r, inside);
  x.inside = inside ? &inside : nullptr;
  x.response.has_data = r.u8() != 0;
  x.response.data = {};
  if (x.response.has_data) {
    document::Builder b{x.arena(), nullptr};
    r.tree(b, &x.response.data);
  }
  if (head.hook == Hook::encode) {
    x.client_headers = x.arena().make<http::Headers>(x.arena());
    take_headers_of(r, *x.client_headers, x.arena());
  }
  if (head.hook == Hook::pick) {
    const uint64_t list = r.u64();
    const uint32_t n = r.count(12);
    auto* all = x.arena().array<slc_candidate>(n);
    for (uint32_t i = 0; i < n && r.ok(); ++i) {
      const std::string_view url = r.text();
      const uint32_t weight = r.u32(), pending = r.u32();
      all[i] = {str(url), weight, pending, 0};
    }
    if (n == 0) r.fail();  // among none nobody chooses
    if (q) q->candidates = all, q->count = n, q->list = list;
  }
  return r.at_end();
}

void Before::take(slc_exchange& x) {
  method_ = x.request.method, path_ = x.request.path, query_ = x.request.query;
  copy_list(x.arena(), headers_[0], x.request.headers.begin(), x.request.headers.end());
  copy_list(x.arena(), bodies_[0], x.request.body.begin(), x.request.body.end());
  params_.bind(x.arena());
  if (x.params) copy_list(x.arena(), params_, x.params->begin(), x.params->end());
  take_response(x);
}

void Before::take_response(slc_exchange& x) {
  copy_list(x.arena(), headers_[1], x.response.headers.begin(), x.response.headers.end());
  copy_list(x.arena(), bodies_[1], x.response.body.begin(), x.response.body.end());
  status_ = x.response.status, complete_ = x.response.complete, had_data_ = x.response.has_data;
  error_ = x.error.message.data(), code_ = x.error.code;
}

void put_reply(std::string& out, uint64_t id, slc_action action, bool keeps, bool data, slc_exchange& x, const Before& before,
               std::span<const Cost> costs, std::optional<uint32_t> chosen) {
  Writer w{out};
  w.u32(0);  // length
  w.u64(id), w.i32(action), w.u8(keeps);
  if (before.method_ != x.request.method) w.u8(kMethod), w.text(x.request.method);
  if (before.path_ != x.request.path) w.u8(kPath), w.text(x.request.path);
  if (before.query_ != x.request.query) w.u8(kQuery), w.text(x.request.query);
  if (!same(before.headers_[0], x.request.headers)) w.u8(kRequestHeaders), put_headers(w, x.request.headers);
  if (!same(before.headers_[1], x.response.headers)) w.u8(kResponseHeaders), put_headers(w, x.response.headers);
  if (x.params && !same(before.params_, *x.params)) {
    w.u8(kParams);
    w.u32(x.params->size());
    for (const router::Param& p : *x.params) w.text(p.name), w.text(p.value);
  }
  if (before.status_ != x.response.status) w.u8(kStatus), w.i32(x.response.status);
  if (before.complete_ != x.response.complete) w.u8(kComplete), w.u8(x.response.complete);
  if (!same(before.bodies_[0], x.request.body)) w.u8(kRequestBody), put_body(w, out, x.request.body);
  if (!same(before.bodies_[1], x.response.body)) w.u8(kResponseBody), put_body(w, out, x.response.body);
  if (x.response.has_data && (data || !before.had_data_)) w.u8(kData), w.tree(x.memory, x.response.data);
  if (!x.response.has_data && before.had_data_) w.u8(kNoData);
  if (x.error && (x.error.code != before.code_ || x.error.message.data() != before.error_)) {
    w.u8(kFailure);
    w.i32(x.error.http_status);
    w.text(x.error.message), w.text(x.error.body), w.text(x.error.content_type);
  }
  if (chosen) w.u8(kChosen), w.u32(*chosen);
  put_costs(out, costs);
}

bool put_decoded(std::string& out, uint64_t id, slc_status status, Arena& arena, document::Node* tree, slc_str why) {
  Writer w{out};
  w.u32(0);  // length
  w.u64(id);
  const size_t at = out.size();
  auto begin = [&](slc_status s) { out.resize(at), w.i32(s), w.u8(false); };
  auto refuse = [&](std::string_view text) { w.u8(kFailure), w.i32(0), w.text(text), w.text({}), w.text({}); };
  begin(status);
  if (tree) w.u8(kData);
  if (tree && (!w.tree(&arena, *tree) || out.size() > kMostFrame)) {
    begin(SLC_ELIMIT);
    refuse("the document is larger than an isolated plugin can hand over");
    return false;
  }
  if (!tree && why.ptr) refuse(view(why).substr(0, kMostWhy));
  return true;
}

void put_costs(std::string& out, std::span<const Cost> costs) {
  Writer w{out};
  if (!costs.empty()) {
    w.u8(kCosts), w.u32(static_cast<uint32_t>(costs.size()));
    for (const Cost& c : costs) w.u8(static_cast<uint8_t>(c.kind)), w.u64(c.calls), w.u64(c.ticks), w.u64(c.longest), w.u64(c.bytes);
  }
  w.u8(kEnd);
}

uint64_t Reply::id_of(std::string_view frame) { return Reader{frame}.u64(); }

void Reply::clear() {
  for (auto& f : fields_) f.reset();
  for (int side : {0, 1}) has_headers_[side] = false, bodies_[side].reset();
  has_params_ = has_data_ = no_data_ = false;
  status_.reset(), complete_.reset(), failure_.reset(), chosen_.reset();
  costs.clear();
}

bool Reply::take_headers(Reader& r, int side) {
  uint32_t n = r.count(8);
  if (n > kMostHeaders) return false;
  has_headers_[side] = true;
  headers_[side].clear();
  for (uint32_t i = 0; i < n && r.ok(); ++i) {
    std::string_view name = r.text();
    headers_[side].push_back({name, r.text()});
  }
  return r.ok();
}

bool Reply::take(std::string_view frame, Arena& arena) {
  clear();
  Reader r{frame};
  id = r.u64(), action = r.i32(), keeps = r.u8() != 0;
  uint8_t before = 0;
  while (r.ok()) {
    uint8_t part = r.u8();
    if (part == kEnd) return r.at_end();
    if (part <= before) return false;  // twice, or out of order
    before = part;
    switch (part) {
      case kMethod:
      case kPath:
      case kQuery: fields_[part - kMethod] = r.text(); break;
      case kRequestHeaders:
      case kResponseHeaders:
        if (!take_headers(r, part - kRequestHeaders)) return false;
        break;
      case kParams: {
        uint32_t n = r.count(8);
        if (n > kMostParams) return false;
        has_params_ = true;
        params_.clear();
        for (uint32_t i = 0; i < n && r.ok(); ++i) {
          std::string_view name = r.text();
          params_.push_back({name, r.text()});
        }
        break;
      }
      case kStatus: status_ = r.i32(); break;
      case kComplete: complete_ = r.u8() != 0; break;
      case kRequestBody:
      case kResponseBody: bodies_[part - kRequestBody] = r.text(); break;
      case kData: {
        has_data_ = true;
        document::Builder b{arena, nullptr};
        if (!r.tree(b, &data_)) return false;
        break;
      }
      case kNoData: no_data_ = true; break;
      case kFailure: {
        Failure f;
        f.http_status = r.i32();
        f.why = r.text(), f.body = r.text(), f.content_type = r.text();
        failure_ = f;
        break;
      }
      case kChosen: chosen_ = r.u32(); break;
      case kCosts: {
        uint32_t n = r.count(33);
        if (n > kHookKinds) return false;
        for (uint32_t i = 0; i < n && r.ok(); ++i) {
          Cost c;
          uint8_t kind = r.u8();
          if (kind >= kHookKinds) return false;
          c.kind = static_cast<HookKind>(kind);
          c.calls = r.u64(), c.ticks = r.u64(), c.longest = r.u64(), c.bytes = r.u64();
          costs.push_back(c);
        }
        break;
      }
      default: return false;
    }
  }
  return false;
}

bool Reply::apply_headers(slc_exchange& x, http::Headers& to, const std::vector<http::Header>& from) {
  for (const http::Header& h : from) {
    if (is_token(h.name) && is_field_value(h.value)) continue;
    // The gateway itself may have let a field in that it would not let a plugin write: as it was, it may stay.
    if (std::none_of(to.begin(), to.end(), [&](const http::Header& old) { return old.name == h.name && old.value == h.value; }))
      return false;
  }
  to.bind(x.arena());
  to.reserve(static_cast<uint32_t>(from.size()));
  for (const http::Header& h : from) {
    std::string_view name = x.arena().copy(h.name);
    to.add(name, x.arena().copy(h.value));
  }
  return true;
}

bool Reply::answer(slc_exchange& x, RemoteCall& call) const {
  call.status = action;
  switch (call.kind) {
    case HookKind::decode:
      if (action == SLC_OK) {
        if (!has_data_) return false;
        x.response.data = data_;
      } else if (failure_) {
        const std::string_view why = x.arena().copy(failure_->why);
        call.why = why.data() ? why.data() : "", call.why_size = why.size();
      }
      return true;
    case HookKind::encode:  // the header and the body: nothing else that an encoder sets is looked at
      if (has_headers_[1] && !apply_headers(x, x.response.headers, headers_[1])) return false;
      if (bodies_[1]) kExchangeService.set_body(&x, SLC_RESPONSE, str(*bodies_[1]));
      return true;
    case HookKind::pick:
      if (!chosen_) return false;
      call.chosen = *chosen_;
      return apply(x);
    default: return false;
  }
}

bool Reply::apply(slc_exchange& x) const {
  const slc_exchange_api& api = kExchangeService;
  static constexpr int32_t kWhich[] = {SLC_METHOD, SLC_PATH, SLC_QUERY};
  for (int i = 0; i < 3; ++i)
    if (fields_[i] && api.set_field(&x, kWhich[i], str(*fields_[i])) != SLC_OK) return false;
  if (has_headers_[0] && !apply_headers(x, x.request.headers, headers_[0])) return false;
  if (has_headers_[1] && !apply_headers(x, x.response.headers, headers_[1])) return false;
  if (has_params_)
    for (const router::Param& p : params_)
      if (view(api.param(&x, str(p.name))) != p.value && api.set_param(&x, str(p.name), str(p.value)) != SLC_OK) return false;
  if (status_ && api.set_status(&x, *status_) != SLC_OK) return false;
  if (complete_) api.set_complete(&x, *complete_);
  if (bodies_[0]) api.set_body(&x, SLC_REQUEST, str(*bodies_[0]));
  if (bodies_[1]) {
    api.set_body(&x, SLC_RESPONSE, str(*bodies_[1]));
    x.run_at = x.run_end = nullptr;  // the run was of the body that is gone
  }
  if (has_data_) x.response.data = data_, x.response.has_data = true;
  if (no_data_) x.response.data = {}, x.response.has_data = false;
  if (failure_) api.fail(&x, failure_->http_status, str(failure_->why), str(failure_->body), str(failure_->content_type));
  return true;
}

}  // namespace sluice::plugin::isolate
