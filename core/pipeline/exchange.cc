#include "core/pipeline/exchange.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/log/log.h"
#include "core/pipeline/account_stream.h"
#include "core/pipeline/scopes.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {
namespace {

constexpr std::string_view kUserAgent = "sluice Version " SLC_VERSION;

Error body_too_large() { return {.code = Errc::limit, .source = Source::client, .http_status = 413, .message = "request body too large"}; }

// The router works on decoded paths; the server has refused broken escapes.
std::string_view decode_path(Arena& arena, std::string_view path) {
  if (path.find('%') == path.npos) return path;
  char *begin = static_cast<char*>(arena.alloc(path.size(), 1)), *at = begin;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      *at++ = static_cast<char>(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
      i += 2;
    } else {
      *at++ = path[i];
    }
  }
  return {begin, static_cast<size_t>(at - begin)};
}

}  // namespace

Exchange::Exchange(WorkerPlan& plan, http::Stream& stream) : plan_{plan}, stream_{stream} {
  const http::RequestHead& h = stream.head();
  in.method = h.method;
  in.query = h.query;
  in.headers = h.headers;
  in.body.bind(arena());
  path_ = in.path = decode_path(arena(), h.path);
  client_ip_ = generation().client_ip.find(h.headers, stream.peer_ip());
  has_body = h.has_body();
  answer_.headers.bind(arena());
  answer_.body.bind(arena());
  match_.params.bind(arena());
  deadline_.on_expire([](loop::Deadline& d) noexcept { d.owner<Exchange>().on_deadline(); }, this);
  const config::RouterOptions& o = generation().config->router;
  if (!o.disable_access_log && log::access_enabled())
    started_ns_ = clock::monotonic_ns();
  else
    skip_log_ = true;
  ++plan.running;
}

Exchange::~Exchange() {
  deadline_.disarm();
  stop_streams();
  for (Scope* s = scopes_; s;) std::exchange(s, s->next_scope)->~Scope();
  --plan_.running;
}

void Exchange::begin(WorkerPlan& plan, http::Stream& from) {
  Account* account = nullptr;
  const auto& explain = plan.generation().config->explain;
  http::Stream& stream = explain ? account_stream(*explain, from, &account) : from;
  auto* x = new (stream.arena().alloc(sizeof(Exchange), alignof(Exchange))) Exchange{plan, stream};
  stream.set_owner(x);
  if (account) [[unlikely]]
    account->bind(*x), x->account_ = account;
  x->root_done_ = {[](loop::Completion& c) noexcept { c.owner<Exchange>().finish(); }, x};
  x->root_ = x->serve();
  x->root_.start(x->root_done_);
}

void Exchange::finish() {
  if (!skip_log_) {
    bool skip = false;
    for (const std::string& p : generation().config->router.logger_skip_paths) skip = skip || p == path_;
    if (!skip) {
      std::string_view query = head().query;
      log::Access line{.status = answer_.status,
                       .latency_ns = clock::monotonic_ns() - started_ns_,
                       .client_ip = client_ip_,
                       .method = head().method,
                       .target = head().has_query ? arena().concat(in.path, "?", query) : in.path,
                       .error = log_errors_};
      log::access(line);
    }
  }
  // The client's leaving says nothing about us, and a shadow's failure is nobody's news.
  if (plan_.outcomes && !gone_ && !shadow_) [[unlikely]]
    plan_.outcomes->count(answer_.status >= 500 || !log_errors_.empty());
  root_.cancel();
  pipe_.cancel();
  stop_streams();
  close_scopes(why_);
  http::Stream& stream = stream_;
  this->~Exchange();
  stream.release();
}

void Exchange::close_scopes(Errc why) {
  for (Scope* s = scopes_; s; s = s->next_scope) s->close(why);
}

void Exchange::on_gone() noexcept {
  // Everything at once: destroying the coroutines cancels what they wait for.
  if (answer_.status == 0) answer_.status = 500;
  log_error("context canceled");
  why_ = Errc::cancelled;
  gone_ = true;
  finish();
}

void Exchange::on_deadline() {
  expired_ = true;
  if (!pipe_finished_ && pipe_) {
    why_ = Errc::timeout;
    pipe_.cancel();
    for (Scope* s = scopes_; s; s = s->next_scope)
      if (s->scope == SLC_AT_PROXY || s->scope == SLC_AT_BACKEND) s->close(Errc::timeout);
    Error timeout = timed_out(Source::backend);
    report(timeout);
    render_failure(timeout);
    // The hooks outside have their turn now; one of them that never comes back must not hold the client either.
    worker().loop.deadlines().arm(deadline_, endpoint_->timeout_ms);
  }
  if (source_ && source_->more().waiting())
    source_->more().set();
  else if (wake_.waiting())
    wake_.set();
  else
    give_up();
}

// A hook of the service or endpoint scope was suspended and nobody resumed it: there is nothing to go on with.
void Exchange::give_up() {
  why_ = Errc::timeout;
  log_error(kTimedOut);
  root_.cancel();
  pipe_.cancel();
  close_scopes(Errc::timeout);
  source_ = nullptr;
  answer_.headers.bind(arena());
  answer_.status = 500;
  if (!stream_.started()) {
    http::ResponseHead h;
    h.status = 500;
    stream_.respond(h, {});
  }
  finish();
}

void Exchange::on_drain() noexcept {
  drained_ = true;
  if (wake_.waiting()) wake_.set();
}

size_t Exchange::most_of_body() const { return endpoint_ ? endpoint_->config->max_request_body : config::kMaxRequestBody; }

bool Exchange::take_body(http::Slices slices, bool last) {
  if (body_sink.data) return body_sink.data(body_sink.context, slices, last);
  size_t n = http::total_size(slices);
  const size_t most = most_of_body();
  if (body_size_ + n > most) {
    body_error_ = body_too_large();
  } else if (!body_error_) {
    if (body_size_ + n > body_room_) {
      size_t room = std::max(body_size_ + n, body_room_ * 2);
      if (head().content_length > 0 && static_cast<size_t>(head().content_length) <= most)
        room = std::max(room, static_cast<size_t>(head().content_length));
      char* bigger = static_cast<char*>(arena().alloc(room, 1));
      if (body_size_) std::memcpy(bigger, body_buffer_, body_size_);
      body_buffer_ = bigger;
      body_room_ = room;
    }
    for (http::Slice s : slices) {
      if (!s.empty()) std::memcpy(body_buffer_ + body_size_, s.data(), s.size());
      body_size_ += s.size();
    }
  }
  body_last_ = last;
  if ((last || body_error_) && wake_.waiting()) wake_.set();
  return true;
}

void Exchange::on_body_error(const Error& e) noexcept { fail_body(e); }

void Exchange::fail_body(const Error& e) {
  if (body_sink.failed) {
    body_sink.failed(body_sink.context, e);
    return;
  }
  body_error_ = e;
  if (wake_.waiting()) wake_.set();
}

loop::Task<bool> Exchange::read_body() {
  if (open_request_flow(nullptr)) {
    read_upload();
  } else if (stream_.body_complete()) {
    body = stream_.body();
    if (body.size() <= most_of_body() || body_passes) [[likely]]
      co_return true;
    body_error_ = body_too_large();
  } else if (head().expect_continue && head().content_length > 0 && static_cast<size_t>(head().content_length) > most_of_body()) {
    // Not asked for (RFC 9110 §10.1.1). Clients that do not ask are sending already and would see a broken connection, not the answer.
    body_error_ = body_too_large();
  } else {
    http::Slice beginning = stream_.body();
    if (!beginning.empty()) take_body({&beginning, 1}, false);
    stream_.read_body();
  }
  while (!body_last_ && !body_error_ && !expired_) co_await wake_.wait();
  if (!body_last_ || body_error_) {
    const Error e = body_error_ ? body_error_ : timed_out(Source::client);
    report(e);
    stream_.close_after();
    render_failure(e);
    co_return false;
  }
  body = {body_buffer_, body_size_};
  co_return true;
}

void Exchange::log_error(std::string_view text) {
  if (skip_log_) return;
  // "Error #01: text" lines after the access line (logging.md §5).
  size_t n = 1;
  for (char c : log_errors_) n += c == '\n';
  std::string number = std::to_string(n);
  log_errors_ = arena().concat(log_errors_, "Error #", n < 10 ? "0" : "", number, ": ", text, "\n");
}

void Exchange::set_answer(int status, std::string_view content_type, std::string_view text) {
  answer_.status = status;
  if (!content_type.empty()) answer_.headers.add("Content-Type", content_type);
  if (!text.empty()) answer_.body.push(text);
}

uint64_t Exchange::expect_continue_ms() const {
  auto ns = generation().config->expect_continue_timeout.count();
  return ns <= 0 ? 0 : static_cast<uint64_t>((ns + 999'999) / 1'000'000);
}

void Exchange::forward_headers() {
  const EndpointPlan& e = *endpoint_;
  const config::Endpoint& c = *e.config;
  forwarded.bind(arena());
  forwarded.reserve(in.headers.size() < 8 ? 8 : 16);
  auto pass = [&](std::string_view name, const http::Header& h) {
    if (h.name.size() == 10 && iequals(h.name, "User-Agent")) user_agent_forwarded = true;
    if (h.name.size() == 15 && iequals(h.name, "Accept-Encoding")) accept_encoding_forwarded = true;
    forwarded.add(name, h.value);
  };
  const NamedByConnection named{in.headers};
  for (const http::Header& h : in.headers) {
    std::string_view name;
    if (c.any_header) {
      if (http::is_hop_by_hop(h.name) || named(h.name)) continue;
      name = h.name;
    } else {
      for (const std::string& allowed : e.headers)
        if (allowed.size() == h.name.size() && iequals(allowed, h.name)) {
          name = allowed;
          break;
        }
      if (name.empty() || http::is_hop_by_hop(name)) continue;
    }
    // These belong to the message, not to the sender: the gateway writes its own.
    if (iequals(name, "Host")) continue;
    if (iequals(name, "Expect")) {
      expect_forwarded = head().expect_continue;
      continue;
    }
    if (iequals(name, "Content-Length")) {
      if (auto n = parse_decimal<int64_t>(h.value)) forwarded_length = *n;
      continue;
    }
    if (iequals(name, "X-Forwarded-For") || iequals(name, "X-Forwarded-Host")) continue;
    if (iequals(name, "X-Forwarded-Via")) continue;
    pass(name, h);
  }
  forwarded.add("X-Forwarded-For", client_ip_);
  forwarded.add("X-Forwarded-Host", head().host);
  if (user_agent_forwarded)
    forwarded.add("X-Forwarded-Via", kUserAgent);
  else
    forwarded.add("User-Agent", kUserAgent);
  if (has_body && e.raw && e.backends.size() == 1 && c.concurrent_calls <= 1) {
    const BackendPlan& b = *e.backends[0];
    // Attempts of an around stage each send the body, so it is read whole for them.
    bool repeated = false;
    for (const Chain* chain : {&e.proxy_chain, &b.chain})
      for (const Hook& h : chain->hooks) repeated = repeated || h.around;
    body_passes = !repeated && b.takes_pieces() && !b.config->send_body_on_redirect;
    body_streams = body_passes && !stream_.body_complete();
  }
}

loop::Task<void> Exchange::take_first(BackendScope& source, http::Slices* bytes, bool* last) {
  *bytes = source.take(last);
  while (bytes->empty() && !*last && !source.error && !expired_) {
    source.resume();
    if (!source.has_more()) co_await source.more().wait();
    if (source.error || expired_) break;
    *bytes = source.take(last);
  }
}

loop::Task<void> Exchange::write_answer() {
  if (open_answer_flow()) {
    auto through = write_through_hooks();
    co_await through;
    co_return;
  }
  http::ResponseHead h;
  h.status = answer_.status ? answer_.status : 500;
  if (!source_) {
    if (untyped_) [[unlikely]] add_type(answer_.body.span());
    h.headers = answer_.headers;
    stream_.respond(h, answer_.body.span());
    co_return;
  }
  BackendScope& source = *source_;
  bool last = false;
  http::Slices bytes;
  if (untyped_) [[unlikely]] {
    auto waiting = take_first(source, &bytes, &last);
    co_await waiting;
    add_type(bytes);
  } else {
    bytes = source.take(&last);
  }
  h.headers = answer_.headers;
  if (last && !source.error) {
    stream_.respond(h, bytes, http::Life::callback);
    co_return;
  }
  h.content_length = source.announced_length();
  stream_.start(h, bytes, http::Life::callback);
  while (!last && !source.error && !expired_) {
    source.resume();
    if (!source.has_more()) co_await source.more().wait();
    if (source.error || expired_) break;
    bytes = source.take(&last);
    if (bytes.empty()) continue;
    drained_ = false;
    if (!stream_.write(bytes, http::Life::callback)) {
      source.pause();  // back-pressure: nothing is read until the client has taken what is queued
      while (!drained_ && !expired_) co_await wake_.wait();
    }
  }
  if (last && !source.error) {
    stream_.finish();
  } else {
    // The client must see that the body is not whole (deviation 12).
    log_error(source.error ? source.error.message : kTimedOut);
    stream_.abort();
  }
}

}  // namespace sluice::pipeline
