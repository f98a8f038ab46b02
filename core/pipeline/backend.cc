// The order inside one backend call; the chain around it is run by Scope.
#include "core/pipeline/backend.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {

BackendScope::BackendScope(Exchange& x, const BackendPlan& plan) : Scope{SLC_AT_BACKEND, x, plan.chain}, plan_{plan}, responses_{x.responses} {
  if (Account* account = x.account()) [[unlikely]]
    account->begin(*this);
  prepare();
}

BackendScope::~BackendScope() {
  if (destroyed_) *destroyed_ = true;
  count_pending(nullptr);
  if (hosts_) exchange_->plan().put(hosts_);
  if (piped_) drop_pipe();
}

// A call counts as pending at its host until its body has ended, however it ends.
void BackendScope::count_pending(slc_candidate* at) {
  if (pending_at_) --pending_at_->pending;
  pending_at_ = at;
  if (at) ++at->pending;
}

void BackendScope::prepare() {
  Exchange& x = *exchange_;
  const config::Backend& c = *plan_.config;
  request.method = c.method.empty() ? x.in.method : c.method;
  // 1. The client's query, narrowed by the endpoint and this backend; the URL is fixed with the host, further down.
  const config::Endpoint& e = *plan_.endpoint->config;
  if (!x.in.query.empty() && (e.any_query || !e.input_query_strings.empty()))
    request.query = filter_query(arena(), x.in.query, e.any_query, e.input_query_strings,
                                 c.filters_query ? &c.input_query_strings : nullptr);
  // 2. Headers: each backend has its own copy when a plugin could change them (deviation 15).
  if (c.filters_headers) {
    for (const http::Header& h : x.forwarded)
      for (const std::string& allowed : c.input_headers)
        if (allowed.size() == h.name.size() && iequals(allowed, h.name)) {
          request.headers.add(h.name, h.value);
          break;
        }
  } else if (chain_->empty() && !plan_.transport) {
    request.headers = x.forwarded;
  } else {
    request.headers = x.forwarded;
    own_headers();
  }
  if (!x.body.empty()) request.body.push(x.body);
  if (!chain_->empty()) {  // parameters that a hook sets here are this call's alone
    own_params_.bind(arena());
    own_params_.reserve(x.params().size() + 2);
    for (const router::Param& p : x.params()) own_params_.push(p);
    params = &own_params_;
  }
  if (!chain_->empty() || plan_.transport) {
    // 3. The path as plugins see it; without host.
    std::string_view target;
    Host none;
    if (build_target(none, &target)) {
      size_t mark = target.find('?');
      request.path = target.substr(0, mark);
      request.query = mark == target.npos ? std::string_view{} : target.substr(mark + 1);
    }
  }
}

// Siblings share the array of headers until one of them changes its own (deviation 15).
void BackendScope::own_headers() {
  http::Headers copy{arena()};
  copy.reserve(request.headers.size() + 4);
  for (const http::Header& h : request.headers) copy.add(h.name, h.value);
  request.headers = copy;
}

void BackendScope::set_body(std::string_view text) {
  request.body.bind(arena());
  if (!text.empty()) request.body.push(text);
  tells_length_ = true;
}

// Chunked unless the client's own length was let through (pipeline.md §3.3, quirk), or nobody's quirk is kept.
bool BackendScope::has_known_length(size_t length) const {
  if (exchange_->forwarded_length == static_cast<int64_t>(length) || tells_length_) return true;
  const http::Header* own = request.headers.find("Content-Length");  // a plugin's
  return own && parse_decimal<size_t>(own->value) == length;
}

bool BackendScope::build_target(const Host& host, std::string_view* target) {
  if (!request.path.empty()) {  // fixed already, perhaps changed by a plugin
    *target = request.query.empty() && host.prefix.empty()
                  ? request.path
                  : arena().concat(host.prefix, request.path, request.query.empty() ? "" : "?", request.query);
    return true;
  }
  std::string_view text = plan_.target;
  if (!plan_.is_static_target || !host.prefix.empty()) {
    Target t = pipeline::build_target(arena(), host.prefix, plan_.config->url, *params, responses_);
    if (t.traversal) {
      // By a value of an earlier answer or of a plugin: the client's own were refused before (deviation 6).
      fail(Errc::invalid, Source::client, "a value would climb in the backend's paths", "path traversal");
      return false;
    }
    if (t.problem) {
      fail(Errc::invalid, Source::client, t.problem, t.problem);
      return false;
    }
    text = t.text;
  }
  if (!request.query.empty())
    text = arena().concat(text, text.find('?') == text.npos ? "?" : "&", request.query);
  *target = text;
  return true;
}

void BackendScope::fail(Errc code, Source source, std::string_view message, std::string_view public_message) {
  error.code = code;
  error.source = source;
  error.message = message;
  error.public_message = public_message.empty() ? to_string(code) : public_message;
}

loop::Task<void> BackendScope::inner() {
  if (error) co_return;
  if (plan_.transport) {
    auto inside = call_transport();
    co_await inside;
  } else {
    auto inside = call_hosts();
    co_await inside;
  }
  if (error) co_return;
  if (!plan_.raw && !gunzip_body()) co_return;
  if (has_raw() || has_chunks(SLC_RESPONSE)) note_inside();
  if (has_raw()) {
    auto hooks = run_raw();
    const bool replied = !co_await hooks;
    if (error) co_return;
    // A hook put a body in the place of the one that is still arriving: nobody wants that any more.
    if (streaming_ && (replied || !response.body.empty())) {
      streaming_ = false;
      call_.reset();
      count_pending(nullptr);
      if (piped_) end_transport();
    }
  }
  // A body that is here as a whole passes its hooks now, before anybody reads it; a streaming one on its way out.
  if (has_chunks(SLC_RESPONSE) && !streaming_ && !discard_) {
    auto passing = pass_body(SLC_RESPONSE, first(), chain_->size(), response.body);
    if (!co_await passing) co_return;
  }
  if (plan_.raw) {
    response.complete = true;
    co_return;
  }
  finish_answer();
  if (unfinished_) [[unlikely]] {
    auto rest = finish_elsewhere();
    co_await rest;
  }
}

void BackendScope::adopt_reply() {
  // A hook answered in the backend's place. With data: that is the result. With bytes: as if the backend had sent them.
  if (!response.status) response.status = 200;
  if (plan_.raw) {
    response.complete = true;
  } else if (!response.has_data) {
    finish_answer();
  } else {
    response.complete = true;
  }
}

void BackendScope::take_over(Scope& attempt) {
  auto& other = static_cast<BackendScope&>(attempt);
  source_ = other.source();
  other.outer_ = this;
}

Scope* BackendScope::clone() {
  auto* copy = new (arena().alloc(sizeof(BackendScope), alignof(BackendScope))) BackendScope{*exchange_, plan_};
  copy->request.method = request.method;
  copy->request.path = request.path;
  copy->request.query = request.query;
  copy->request.headers.bind(arena());
  for (const http::Header& h : request.headers) copy->request.headers.add(h.name, h.value);
  copy->request.body = request.body;
  copy->ends_ms = ends_ms;
  copy->responses_ = responses_, copy->tells_length_ = tells_length_;
  return copy;
}

void BackendScope::cancel_inner() {
  if (plan_.transport) end_transport();
  if (uploading_) exchange_->body_sink = {};
  continue_timer_.disarm();
  call_.reset();
}

loop::Task<void> BackendScope::call_hosts() {
  hosts_ = exchange_->plan().get(plan_);
  const auto n = static_cast<uint32_t>(hosts_->list->hosts.size());
  if (n == 0) {
    fail(Errc::no_hosts, Source::config, "no hosts available", "no hosts available");
    co_return;
  }
  uint32_t first = 0;
  if (n > 1 && plan_.balancer_remote) [[unlikely]] {
    auto asking = pick_elsewhere(n, &first);
    if (!co_await asking) co_return;
  } else if (n > 1 && plan_.balancer) {
    Account* account = exchange_->account();
    const uint64_t began = account ? clock::monotonic_ns() : 0;
    {
      plugin::PlaceScope place{&plan_.balancer_object->place(), plugin::HookKind::pick, memory};
      first = plan_.balancer->pick(plan_.balancer_object->state(*worker), this, hosts_->candidates.data(), n) % n;
    }
    if (account) [[unlikely]]
      account->called(this, plan_.balancer_object->place(), plugin::HookKind::pick, began, hosts_->list->hosts[first].url);
  }
  bool repeated = false;
  for (uint32_t attempt = 0; attempt < n; ++attempt) {
    host_index_ = (first + attempt) % n;
    const Host& host = hosts_->list->hosts[host_index_];
    error = {};
    std::string_view target;
    if (!host.problem.empty()) {
      fail(Errc::invalid, Source::config, host.problem, "invalid host");
      continue;
    }
    if (!build_target(host, &target)) co_return;
    count_pending(&hosts_->candidates[host_index_]);
    auto sending = send_once(host, target, request.method, true);
    bool answered = co_await sending;
    if (!streaming_) count_pending(nullptr);
    if (answered && is_redirect()) {
      auto following = follow_redirects(host, target);
      // This host has done its part, whatever became of the places that it sent us to: no other one is asked.
      if (!co_await following) error.nothing_sent = false;
      co_return;
    }
    if (answered || upload_begun_) co_return;
    // Nothing was sent, so nothing can happen twice: the next host is tried at once (deviation 26).
    if (error.nothing_sent) continue;
    // The connection ended before an answer began: what may happen twice (RFC 9110 §9.2.2) goes to the next host, once.
    if (!may_repeat_ || std::exchange(repeated, true)) co_return;
    if (attempt + 1 < n) worker->client.count_retry();
  }
}

// By a balancer in another process. It sees the hosts as they are when the question is sent.
loop::Task<bool> BackendScope::pick_elsewhere(uint32_t hosts, uint32_t* chosen) {
  const plugin::Place& place = plan_.balancer_object->place();
  Account* account = exchange_->account();
  const uint64_t began = account ? clock::monotonic_ns() : 0;
  plugin::RemoteCall call{plugin::HookKind::pick};
  call.candidates = hosts_->candidates.data(), call.count = hosts;
  auto asking = plugin::ask_and_wait(*this, plan_.balancer_remote, *plan_.balancer_object, call);
  co_await asking;
  *chosen = call.chosen % hosts;
  if (account) [[unlikely]]
    account->called(this, place, plugin::HookKind::pick, began, call.error ? std::string_view{"fail"} : hosts_->list->hosts[*chosen].url);
  if (!call.error) co_return true;
  plugin::count_error(place, plugin::HookKind::pick, *worker);
  error = call.error;
  co_return false;
}

// Does the backend learn the body's length? The client's own is not among the headers: what stands there is a plugin's.
http::Slice BackendScope::wire_head(const Host& host, std::string_view target, std::string_view method, bool with_body) {
  static constexpr std::string_view kUserAgent = "sluice Version " SLC_VERSION;
  bool has_agent = false, accepts = false, range = false, has_length = false;
  size_t size = method.size() + target.size() + host.origin.authority.size() + 192;
  for (const http::Header& h : request.headers) {
    size += h.name.size() + h.value.size() + 4;
    switch (h.name.size()) {
      case 5: range = range || iequals(h.name, "Range"); break;
      case 10: has_agent = has_agent || iequals(h.name, "User-Agent"); break;
      case 14: has_length = has_length || iequals(h.name, "Content-Length"); break;
      case 15: accepts = accepts || iequals(h.name, "Accept-Encoding"); break;
    }
  }
  char *begin = static_cast<char*>(arena().alloc(size, 1)), *at = begin;
  auto put = [&at](std::string_view s) {
    std::memcpy(at, s.data(), s.size());
    at += s.size();
  };
  put(method);
  put(" ");
  put(target);
  put(" HTTP/1.1\r\nHost: ");
  put(host.origin.authority);
  put("\r\n");
  for (const http::Header& h : request.headers) {
    if (has_length && iequals(h.name, "Content-Length")) continue;  // framing is written here
    put(h.name);
    put(": ");
    if (!h.value.empty()) put(h.value);
    put("\r\n");
  }
  if (!has_agent) {
    put("User-Agent: ");
    put(kUserAgent);
    put("\r\n");
  }
  gzip_asked_ = plan_.ask_gzip && !accepts && !range && method != "HEAD";
  if (gzip_asked_) put("Accept-Encoding: gzip\r\n");
  if (plan_.close_connections) put("Connection: close\r\n");
  if (expecting_ && with_body) put("Expect: 100-continue\r\n");
  size_t length = http::total_size(request.body.span());
  auto put_length = [&](size_t n) {
    put("Content-Length: ");
    at = std::to_chars(at, at + 20, n).ptr;
    put("\r\n");
  };
  if (with_body && uploading_) {
    if (upload_chunked_)
      put("Transfer-Encoding: chunked\r\n");
    else
      put_length(static_cast<size_t>(upload_length_));
  } else if (with_body && length > 0) {
    // Chunked unless the client's own length was let through (pipeline.md §3.3, quirk), or a plugin wrote one.
    if (has_known_length(length)) {
      put_length(length);
    } else {
      put("Transfer-Encoding: chunked\r\n");
    }
  } else if (method == "POST" || method == "PUT" || method == "PATCH") {
    put_length(0);
  }
  put("\r\n");
  arena().trim(at);
  return {begin, static_cast<size_t>(at - begin)};
}

loop::Task<bool> BackendScope::send_once(const Host& host, std::string_view target, std::string_view method, bool with_body) {
  Exchange& x = *exchange_;
  has_head_ = last_ = arrived_ = discard_ = false;
  collecting_ = true;
  body_ = nullptr;
  body_size_ = body_room_ = 0;
  response.headers.bind(arena());
  response.body.bind(arena());
  uploading_ = with_body && x.body_streams && x.has_body && request.body.empty();  // not when a hook gave another body
  upload_length_ = uploading_ && x.forwarded_length == x.head().content_length ? x.forwarded_length : -1;
  if (uploading_) upload_length_ = x.open_upload(*this, upload_length_);
  upload_chunked_ = uploading_ && upload_length_ < 0;
  expecting_ = uploading_ && x.expect_forwarded && x.expect_continue_ms() > 0;
  http::Slice slices[4];
  uint32_t n = 0;
  body_sent_ = uploading_ || (with_body && http::total_size(request.body.span()) > 0);
  slices[n++] = wire_head(host, target, method, with_body);
  http::Slices bytes;
  size_t length = with_body && !uploading_ ? http::total_size(request.body.span()) : 0;
  if (length > 0) {
    bool chunked = !has_known_length(length);
    auto* all = arena().array<http::Slice>(request.body.size() + 3);
    uint32_t count = 0;
    if (chunked) {
      char hex[20];
      auto end = std::to_chars(hex, hex + 16, length, 16).ptr;
      *end++ = '\r';
      *end++ = '\n';
      all[count++] = arena().concat(slices[0], std::string_view{hex, static_cast<size_t>(end - hex)});
    } else {
      all[count++] = slices[0];
    }
    for (http::Slice s : request.body) all[count++] = s;
    if (chunked) all[count++] = "\r\n0\r\n\r\n";
    bytes = {all, count};
  } else {
    auto* one = arena().make<http::Slice>(slices[0]);
    bytes = {one, 1};
  }
  url_text_ = target;
  call_.emplace(worker->client, arena(), *this);
  http::ClientCall::Request r;
  r.origin = &host.origin;
  r.bytes = bytes;
  r.head = slices[0];
  if (length > 0) r.body = request.body.span();
  r.head_method = method == "HEAD";
  r.idempotent = plan_.config->method.empty() ? http::is_idempotent(request.method) : plan_.idempotent;
  r.streaming = uploading_;
  r.chunked = upload_chunked_;
  if (Account* account = x.account()) [[unlikely]] {
    sending_ = account->sending(*this, host.url, method, target);
    if (sending_) r.times = &sending_->times;
  }
  call_->start(r);
  if (expecting_)
    wait_for_continue();
  else if (uploading_)
    start_upload();
  while (!error && (!has_head_ || (collecting_ && !last_))) co_await event_.wait();
  if (error) {
    may_repeat_ = r.idempotent && !uploading_ && call_->unanswered();
    // Detached from the client before another host is tried.
    if (!streaming_) call_.reset();
    co_return false;
  }
  if (collecting_) {
    call_.reset();
    if (body_size_) response.body.push({body_, body_size_});
  } else {
    streaming_ = true;
  }
  co_return true;
}

// A redirect that is followed. 307 and 308 repeat the body: only if it may be kept for that (pipeline.md §7).
bool BackendScope::is_redirect() const {
  switch (response.status) {
    case 307: case 308:
      if (body_sent_ && !plan_.config->send_body_on_redirect) return false;
      [[fallthrough]];
    case 301: case 302: case 303: return !response.headers.get("Location").empty();
    default: return false;
  }
}

loop::Task<bool> BackendScope::follow_redirects(const Host& first, std::string_view target) {
  const Host* host = &first;
  std::string_view method = request.method;
  bool with_body = true;
  own_headers();
  const bool own_referer = request.headers.find("Referer") != nullptr;  // the client's, let through: it stays
  std::string base = host->url.substr(0, host->url.size() - host->prefix.size()) + std::string{target};
  for (int hop = 0; is_redirect(); ++hop) {
    if (hop == 10) {
      fail(Errc::redirect, Source::backend, "stopped after 10 redirects", "stopped after 10 redirects");
      co_return false;
    }
    if (response.status != 307 && response.status != 308) {
      if (method != "HEAD") method = "GET";
      if (with_body) {
        with_body = false;
        request.body.bind(arena());
        for (uint32_t i = request.headers.size(); i-- > 0;)
          if (request.headers[i].name.size() > 8 && iequals(request.headers[i].name.substr(0, 8), "Content-"))
            request.headers.remove_at(i);
      }
    }
    std::string url = resolve_location(base, response.headers.get("Location"));
    size_t scheme = url.find("://");
    size_t path = scheme == url.npos ? url.npos : url.find_first_of("/?", scheme + 3);
    auto next = std::make_unique<Host>();
    next->url = url.substr(0, path);
    // That HTTP/2 must be spoken is known of this backend's hosts; other places may choose.
    const bool must = plan_.http2 == http::Http2Mode::always;
    const auto& tls_context = exchange_->generation().client_tls;
    auto origin = http::make_origin(next->url, tls_context, must ? http::Http2Mode::negotiate : plan_.http2);
    if (must && origin && origin->tls == first.origin.tls && origin->host == first.origin.host && origin->port == first.origin.port)
      origin = http::make_origin(next->url, tls_context, plan_.http2);
    if (!origin) {
      fail(Errc::redirect, Source::backend, arena().concat("bad Location: ", origin.error().message), "bad redirect");
      co_return false;
    }
    next->origin = std::move(*origin);
    // Credentials stay with the domain they were meant for.
    if (next->origin.host != host->origin.host || (host->origin.tls && !next->origin.tls)) {
      request.headers.remove("Authorization");
      request.headers.remove("Cookie");
    }
    // Not from a secure place to one that everybody can listen to (RFC 9110 §10.1.3).
    if (host->origin.tls && !next->origin.tls) request.headers.remove("Referer");
    else if (!own_referer) request.headers.set("Referer", arena().copy(base));
    std::string_view to = path == url.npos ? std::string_view{"/"} : arena().copy(std::string_view{url}.substr(path));
    if (to.front() == '?') to = arena().concat("/", to);
    to = escape_target(arena(), to);
    if (to.empty()) {
      fail(Errc::redirect, Source::backend, "bad Location: an invalid escape, or a control character", "bad redirect");
      co_return false;
    }
    redirected_.push_back(std::move(next));
    host = redirected_.back().get();
    base = host->url + std::string{to};
    auto sending = send_once(*host, to, method, with_body);
    if (!co_await sending) co_return false;
  }
  co_return true;
}

}  // namespace sluice::pipeline
