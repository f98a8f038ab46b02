// What comes back from a backend: arrival of bytes, the status rule, decoding, shaping (pipeline.md §6, §7, §13).
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/pipeline/backend.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {
namespace {

constexpr size_t kTakeAtOnce = 256 * 1024;
constexpr uint64_t kRatioFrom = 8 << 20;  // of decompressed text, before its ratio is looked at
constexpr size_t kStep = 1 << 20;  // memory is taken as bytes arrive, not as they are announced

// Names of codings have no case, and "x-gzip" is the same one (RFC 9110 §8.4.1).
bool is_gzip(std::string_view coding) { return iequals(coding, "gzip") || iequals(coding, "x-gzip"); }

// Header views point into the worker's read block: one copy of the region that holds them all.
void copy_headers(Arena& arena, const http::Headers& from, http::Headers& to) {
  to.bind(arena);
  if (from.size() == 0) return;
  const char *low = from[0].name.data(), *high = low;
  for (const http::Header& h : from) {
    low = std::min({low, h.name.data(), h.value.empty() ? h.name.data() : h.value.data()});
    high = std::max({high, h.name.data() + h.name.size(), h.value.empty() ? h.name.data() : h.value.data() + h.value.size()});
  }
  to.reserve(from.size() + 4);
  if (static_cast<size_t>(high - low) > 64 * 1024) {  // not one head: views from elsewhere
    for (const http::Header& h : from) to.add(arena.copy(h.name), arena.copy(h.value));
    return;
  }
  std::string_view copy = arena.copy({low, static_cast<size_t>(high - low)});
  auto moved = [&](std::string_view v) { return v.empty() ? std::string_view{} : std::string_view{copy.data() + (v.data() - low), v.size()}; };
  for (const http::Header& h : from) to.add(moved(h.name), moved(h.value));
}

}  // namespace

void BackendScope::take_head(const http::ResponseHead& h) {
  has_head_ = true;
  if (std::exchange(expecting_, false)) continue_timer_.disarm();  // its answer is not about the body
  response.status = h.status;
  copy_headers(arena(), h.headers, response.headers);
  announced_ = h.content_length;
  collecting_ = !plan_.raw;
  if (is_redirect()) collecting_ = discard_ = true;
  // A raw decoder under a decoding endpoint: the body is thrown away (encodings.md §7).
  if (!plan_.raw && plan_.decoder->raw() && !plan_.keep_body) discard_ = true;
  if (collecting_) return;
  const NamedByConnection named{h.headers};
  for (uint32_t i = response.headers.size(); i-- > 0;)
    if (http::is_hop_by_hop(response.headers[i].name) || named(response.headers[i].name))
      response.headers.remove_at(i);
  if (gzip_asked_ && is_gzip(response.headers.get("Content-Encoding")) && !h.no_body) {
    gunzip_.emplace(http::GzipDecoder::Limits{});
    response.headers.remove("Content-Encoding");
    response.headers.remove("Content-Length");
    announced_ = -1;
  }
}

void BackendScope::on_response(const http::ResponseHead* h, http::Slices body, bool last) noexcept {
  if (h) take_head(*h);
  if (sending_) [[unlikely]] {
    if (h) sending_->head_ns = clock::monotonic_ns(), sending_->status = h->status;
    if (last) sending_->ended_ns = clock::monotonic_ns();
    sending_->bytes += http::total_size(body);
  }
  if (collecting_) {
    if (!discard_) append_body(body);
    if (last) last_ = true;
    if (last || error) wake();
    return;
  }
  last_ = last;
  arrived_ = true;
  if (carry_.empty()) {
    now_ = body;
  } else {
    for (http::Slice s : body) carry_.append(s);
  }
  wake();
}

void BackendScope::on_error(const Error& e) noexcept {
  error = e;
  if (e.code == Errc::timeout) error.public_message = kTimedOut;
  if (error.public_message.empty()) error.public_message = to_string(e.code);
  if (sending_) [[unlikely]]
    sending_->ended_ns = clock::monotonic_ns(), sending_->error = e.message;
  wake();
}

void BackendScope::on_writable() noexcept {
  if (!uploading_) return;
  if (upload_begun_)
    exchange_->resume_upload();
  else
    read_upload();
}

void BackendScope::wake() {
  bool gone = false;
  destroyed_ = &gone;
  if (event_.waiting()) event_.set();
  if (gone) return;
  destroyed_ = nullptr;
  if (now_.empty()) return;
  // Nobody took the bytes: they must outlive the read block, and no more may come until they are taken.
  for (http::Slice s : now_) carry_.append(s);
  now_ = {};
  if (call_ && !last_) call_->pause();
}

http::Slices BackendScope::take(bool* last) {
  if (!gunzip_) {
    http::Slices out = now_;
    if (!carry_.empty()) {
      unzipped_.swap(carry_);  // stays valid until the next take
      carry_.clear();
      kept_out_ = unzipped_;
      out = {&kept_out_, 1};
    }
    now_ = {};
    arrived_ = false;
    *last = last_;
    return out;
  }
  // Decompress a bounded piece; what is left of the input waits for the next take.
  for (http::Slice s : now_) carry_.append(s);
  now_ = {};
  unzipped_.resize(kTakeAtOnce);
  http::Slice in = carry_;
  size_t made = 0;
  while (made < kTakeAtOnce && (!in.empty() || gunzip_->pending())) {
    auto n = gunzip_->decode(in, unzipped_.data() + made, kTakeAtOnce - made);
    if (!n) {
      error = n.error();
      break;
    }
    made += *n;
    if (*n == 0 && in.empty()) break;
  }
  carry_.erase(0, carry_.size() - in.size());
  arrived_ = !carry_.empty() || gunzip_->pending();
  *last = last_ && !arrived_;
  if (*last)
    if (Error e = gunzip_->finish()) error = e;
  kept_out_ = {unzipped_.data(), made};
  return {&kept_out_, made ? 1u : 0u};
}

void BackendScope::append_body(http::Slices slices) {
  size_t n = http::total_size(slices);
  if (n == 0) return;
  if (body_size_ + n > plan_.config->max_response_body) {
    fail(Errc::limit, Source::backend, "response body too large", "response body too large");
    return;
  }
  if (body_size_ + n > body_room_) {
    size_t room = std::max({body_size_ + n, body_room_ * 2});
    if (announced_ > 0 && static_cast<uint64_t>(announced_) <= body_size_ + kStep) room = std::max(room, static_cast<size_t>(announced_));
    char* bigger = static_cast<char*>(arena().alloc(room, 1));
    if (body_size_) std::memcpy(bigger, body_, body_size_);
    body_ = bigger;
    body_room_ = room;
  }
  for (http::Slice s : slices) {
    if (s.data() != body_ + body_size_) std::memcpy(body_ + body_size_, s.data(), s.size());  // else: read into place
    body_size_ += s.size();
  }
  if (!last_ && announced_ > 0 && call_ && body_room_ > body_size_ && body_room_ - body_size_ >= 16 * 1024)
    call_->read_into(body_ + body_size_, body_room_ - body_size_);
}

std::string_view BackendScope::body_text() {
  if (response.body.empty()) return {};
  if (response.body.size() == 1) return response.body[0];
  size_t n = http::total_size(response.body.span());
  char *begin = static_cast<char*>(arena().alloc(n, 1)), *at = begin;
  for (http::Slice s : response.body) at = std::copy(s.begin(), s.end(), at);
  return {begin, n};
}

bool BackendScope::gunzip_body() {
  const http::Header* encoding = response.headers.find("Content-Encoding");
  if (!encoding || !is_gzip(encoding->value) || response.body.empty() || discard_) return true;
  // What is held whole must be worth its bytes on the wire: a few of them must not be able to fill the memory.
  http::GzipDecoder decoder{{.max_bytes = plan_.config->max_response_body, .max_ratio = plan_.config->max_gzip_ratio, .ratio_from = kRatioFrom}};
  http::Slice in = body_text();
  size_t room = std::clamp<size_t>(in.size() * 4, 4096, kStep), made = 0;
  char* out = static_cast<char*>(arena().alloc(room, 1));
  Error problem;
  while (!problem && (!in.empty() || decoder.pending())) {
    if (made == room) {
      char* bigger = static_cast<char*>(arena().alloc(room * 2, 1));
      std::memcpy(bigger, out, made);
      out = bigger;
      room *= 2;
    }
    auto n = decoder.decode(in, out + made, room - made);
    if (n)
      made += *n;
    else
      problem = n.error();
  }
  if (!problem) problem = decoder.finish();
  if (problem) {
    error = problem;
    error.public_message = to_string(problem.code);
    return false;
  }
  response.headers.remove("Content-Encoding");
  response.body.bind(arena());
  response.body.push({out, made});
  return true;
}

void BackendScope::finish_answer() {
  judge_answer();
  if (plan_.keep_headers) [[unlikely]] kept_headers_ = arena().make<http::Headers>(response.headers);
  // A decoding backend attaches none of its headers (pipeline.md §4, step 6); what hooks set from here on counts.
  response.headers.bind(arena());
}

void BackendScope::judge_answer() {
  if (plan_.decoder->raw()) {
    // Bytes that nobody decodes: an empty complete part, whatever the status (encodings.md §7).
    response.data = document::make_object();
    response.has_data = response.complete = true;
    return;
  }
  std::string_view body = body_text();
  if (response.status != 200 && response.status != 201) {
    status_failure(body);
    return;
  }
  if (!response.has_data) {
    if (plan_.decoder->remote) [[unlikely]] {
      unfinished_ = true;
      return;
    }
    decode(body);
  }
  if (!error) shape();
}

void BackendScope::shape() {
  if (Account* account = exchange_->account()) [[unlikely]] {
    account->decoded(*this);
    return plan_.shape.apply(arena(), response.data, &account->ledger(*this));
  }
  plan_.shape.apply(arena(), response.data);
}

void BackendScope::status_failure(std::string_view body) {
  const config::Backend& c = *plan_.config;
  std::string_view type = response.headers.get("Content-Type");
  if (!c.return_error_details.empty()) {
    document::ObjectWriter details{arena()};
    details.set("http_status_code", document::make_number(arena().copy(std::to_string(response.status))));
    if (!body.empty()) details.set("http_body", document::make_string(body));
    if (!type.empty()) details.set("http_body_encoding", document::make_string(type));
    document::ObjectWriter outer{arena()};
    outer.set(arena().concat("error_", c.return_error_details), details.finish());
    response.data = outer.finish();
    response.has_data = true;
    response.complete = false;
    if (Account* account = exchange_->account()) [[unlikely]]
      account->replaced(*this, "return_error_details");
    return;
  }
  // Clients may read the kind (return_error_msg), but not where services are: that is for the log (deviation 17).
  std::string_view kind = arena().concat("invalid status code ", std::to_string(response.status));
  std::string_view host = hosts_ ? std::string_view{hosts_->list->hosts[host_index_].url} : std::string_view{};
  fail(Errc::status, Source::backend, arena().concat(kind, " [", request.method, " ", c.log_pattern, "]: ", host, url_text_), kind);
  if (c.return_error_code) {
    error.http_status = static_cast<uint16_t>(response.status);
    error.body = body;
    error.content_type = type;
  }
}

void BackendScope::decode(std::string_view body) {
  const Decoder& d = *plan_.decoder;
  slc_builder builder{arena(), &d.format};
  Account* account = exchange_->account();
  const uint64_t began = account ? clock::monotonic_ns() : 0;
  if (!account) [[likely]] {  // an account tells of what nobody wants, too
    builder.build.want_only(plan_.shape.wanted());
    builder.build.want_whole(plan_.shape.only_groups());
  }
  slc_str chunk = plugin::str(body), why{nullptr, 0};
  slc_status status;
  {
    plugin::PlaceScope place{&d.object->place(), plugin::HookKind::decode, memory};
    status = d.table->decode(d.object->state(*worker), &chunk, body.empty() ? 0 : 1,
                             plan_.config->is_collection ? uint32_t{SLC_DECODE_COLLECTION} : 0u, &builder, &why);
  }
  const bool good = status == SLC_OK && builder.build.finish(&response.data);
  if (account) [[unlikely]]
    account->called(this, d.object->place(), plugin::HookKind::decode, began, good ? "ok" : "fail");
  if (!good) return refused_by_decoder(d, why.ptr, why.len);
  response.has_data = true;
  response.complete = true;  // a null is judged where it is used: alone, grouped or merged
}

void BackendScope::refused_by_decoder(const Decoder& d, const char* why, size_t size) {
  plugin::count_error(d.object->place(), plugin::HookKind::decode, *worker);
  std::string_view text = why ? std::string_view{why, size} : std::string_view{"the body cannot be decoded"};
  fail(Errc::decode, Source::backend, arena().concat(plan_.where, " ", d.object->place().binding, ": ", text), text);
}

// The same by a decoder in another process, which is waited for.
loop::Task<void> BackendScope::finish_elsewhere() {
  unfinished_ = false;
  const Decoder& d = *plan_.decoder;
  const plugin::Place& place = d.object->place();
  Account* account = exchange_->account();
  const uint64_t began = account ? clock::monotonic_ns() : 0;
  plugin::RemoteCall call{plugin::HookKind::decode};
  call.flags = plan_.config->is_collection ? uint32_t{SLC_DECODE_COLLECTION} : 0u;
  auto asking = plugin::ask_and_wait(*this, d.remote, *d.object, call);
  co_await asking;
  const bool good = !call.error && call.status == SLC_OK;
  if (account) [[unlikely]]
    account->called(this, place, plugin::HookKind::decode, began, good ? "ok" : "fail");
  if (call.error) {
    plugin::count_error(place, plugin::HookKind::decode, *worker);
    error = call.error;
  } else if (!good) {
    refused_by_decoder(d, call.why, call.why_size);
  } else {
    response.has_data = response.complete = true;
    shape();
  }
}

// ---- request bodies that are passed on as they come ----

// The client waits too: its 100 is sent when its body is asked for, which is when the backend wants it. A backend that
// refuses the request answers at once, and nobody has sent a body for nothing.
void BackendScope::wait_for_continue() {
  continue_timer_.on_expire([](loop::Deadline& d) noexcept { d.owner<BackendScope>().on_continue(); }, this);
  worker->loop.deadlines().arm(continue_timer_, exchange_->expect_continue_ms());
}

void BackendScope::on_continue() noexcept {
  if (!std::exchange(expecting_, false)) return;
  continue_timer_.disarm();
  start_upload();
}

void BackendScope::start_upload() {
  exchange_->body_sink.context = this;
  exchange_->body_sink.data = [](void* self, http::Slices s, bool last) noexcept { return static_cast<BackendScope*>(self)->send_chunk(s, last); };
  exchange_->body_sink.failed = [](void* context, const Error& e) noexcept {
    auto* self = static_cast<BackendScope*>(context);
    self->fail(e.code, Source::client, e.message, e.message);
    if (self->piped_) return self->tell_later();
    self->wake();
  };
  if (exchange_->has_request_hooks()) {  // what they have seen cannot be sent to another host
    if (send_chunk({}, false)) read_upload();
    return;
  }
  // What came with the head can be sent again to another host; the rest is asked for once the connection stands.
  http::Slice beginning = exchange_->stream().body();
  if (send_chunk({&beginning, beginning.empty() ? 0u : 1u}, false)) read_upload();
}

void BackendScope::read_upload() {
  upload_begun_ = true;
  exchange_->read_upload();
}

bool BackendScope::send_chunk(http::Slices slices, bool last) {
  if (!call_) return piped_ && hand_over(slices, last);
  const bool room = call_->send_body(slices, last);  // also when empty: it tells whether the connection stands
  if (!room && !last && upload_begun_) exchange_->stream().pause_body();
  return room;
}

}  // namespace sluice::pipeline
