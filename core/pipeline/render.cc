// From a result to the client's answer: status, gateway headers, encoder (pipeline.md §4, §8, §9).
#include "core/base/clock.h"
#include "core/document/shape.h"
#include "core/http/sniff.h"
#include "core/log/log.h"
#include "core/pipeline/account.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/outcome.h"
#include "core/pipeline/problem.h"

namespace sluice::pipeline {
namespace {

Error cannot_encode() {
  return {.code = Errc::encode, .source = Source::plugin, .message = "the answer cannot be encoded", .public_message = "the answer cannot be encoded"};
}

}  // namespace

void Exchange::add_version_headers(bool completed) {
  answer_.headers.add("X-Krakend", generation().version_header);
  answer_.headers.add("X-Krakend-Completed", completed ? "true" : "false");
}

// At the very end, as the reference's server does: of compressed bytes nothing could be said.
void Exchange::add_type(http::Slices beginning) {
  if (answer_.status == 204 || answer_.status == 304 || http::total_size(beginning) == 0) return;
  if (answer_.headers.find("Content-Type") || !answer_.headers.get("Content-Encoding").empty()) return;
  char bytes[http::kSniffed];
  size_t n = 0;
  for (http::Slice s : beginning) n += s.copy(bytes + n, sizeof bytes - n);
  answer_.headers.add("Content-Type", http::sniff_content_type({bytes, n}));
}

slc_node Exchange::begin_encoding(slc_exchange& x) {
  x.response.headers.bind(arena());
  x.response.body.bind(arena());
  x.client_headers = &in.headers;
  return x.response.has_data ? plugin::handle(&x.response.data, &arena()) : slc_node{nullptr, 0};
}

bool Exchange::encode(slc_exchange& x, const Encoder& encoder) {
  const slc_node node = begin_encoding(x);
  slc_status status;
  const uint64_t began = account_ ? clock::monotonic_ns() : 0;
  {
    plugin::PlaceScope place{&encoder.object->place(), plugin::HookKind::encode, &arena()};
    status = encoder.table->encode(encoder.object->state(worker()), &x, node);
  }
  return end_encoding(x, encoder, status == SLC_OK, began);
}

bool Exchange::end_encoding(slc_exchange& x, const Encoder& encoder, bool good, uint64_t began) {
  x.client_headers = nullptr;
  if (account_) [[unlikely]]
    account_->called(nullptr, encoder.object->place(), plugin::HookKind::encode, began, good ? "ok" : "fail");
  if (!good) {
    plugin::count_error(encoder.object->place(), plugin::HookKind::encode, worker());
    return false;
  }
  std::string_view type = encoder.content_type;
  for (const http::Header& h : x.response.headers) {
    if (iequals(h.name, "Content-Type"))
      type = h.value;
    else
      answer_.headers.add(h.name, h.value);
  }
  if (!type.empty()) answer_.headers.add("Content-Type", type);
  answer_.body = x.response.body;
  return true;
}

loop::Task<void> Exchange::encode_elsewhere(Scope& result, const Outcome* outcome) {
  unencoded_ = false;
  const Encoder& encoder = *endpoint_->encoder;
  const uint64_t began = account_ ? clock::monotonic_ns() : 0;
  plugin::RemoteCall call{plugin::HookKind::encode};
  struct Shown {  // also when the time is over: hooks that are told of the end do not see the client's headers
    slc_exchange& x;
    ~Shown() { x.client_headers = nullptr; }
  } shown{result};
  begin_encoding(result);
  auto asking = plugin::ask_and_wait(result, encoder.remote, *encoder.object, call);
  co_await asking;
  const bool good = end_encoding(result, encoder, !call.error && call.status == SLC_OK, began);
  finish_encoding(good ? Error{} : call.error ? call.error : cannot_encode(), outcome);
}

void Exchange::finish_encoding(const Error& problem, const Outcome* outcome) {
  if (problem) {
    answer_.headers.bind(arena());
    report(problem);
    render_failure(problem, outcome);
  } else if (outcome) {
    render_outcome(*outcome);
  }
}

void Exchange::render(Scope& result, bool answered, const Outcome* outcome) {
  const EndpointPlan& e = *endpoint_;
  if (account_) [[unlikely]]
    account_->rendered(result);
  if (result.error) {
    if (e.backends.size() == 1) report(result.error);  // the merge has reported each part
    render_failure(result.error, outcome, result.failure_headers);
    return;
  }
  plugin::ResponseSide& r = result.response;
  if (e.raw || (answered && !r.has_data)) {
  // false even for a good answer, unless static data makes the result non-empty (§8.4, quirks)
    add_version_headers(e.has_static_data && r.has_data && r.complete);
    answer_.status = r.status ? r.status : 200;
    untyped_ = e.raw;
    for (const http::Header& h : r.headers) {
      if (h.name.size() == 12 && iequals(h.name, "Content-Type")) untyped_ = false;
      answer_.headers.add(h.name, h.value);
    }
    if (!source_) answer_.body = r.body;
    return;
  }
  bool has_members = r.has_data && !(r.data.kind == document::Kind::null) && !document::is_empty_object(arena(), r.data);
  bool completed = has_members && r.complete;
  add_version_headers(completed);
  const bool cacheable = !outcome || (!outcome->private_answer && outcome->status < 400);
  if (completed && !e.cache_control.empty() && cacheable) answer_.headers.add("Cache-Control", e.cache_control);
  if (has_members)
    for (const http::Header& h : r.headers) answer_.headers.add(h.name, h.value);
  answer_.status = 200;  // whatever the backend's success was (§4.2, quirk)
  if (outcome && outcome->plan->parts_in_body) {
    document::ObjectWriter parts{arena()};
    parts.set(outcome->plan->parts_key, parts_node(arena(), *outcome));
    const document::Node list = parts.finish();
    document::overlay(arena(), r.data, list);
    r.has_data = true;
    if (account_) [[unlikely]]
      account_->ledger(result).overlaid(list, r.data, "the list of parts");
  }
  unencoded_ = e.encoder->remote != nullptr;
  if (unencoded_) [[unlikely]]
    return;
  finish_encoding(encode(result, *e.encoder) ? Error{} : cannot_encode(), outcome);
}

void Exchange::render_outcome(const Outcome& o) {
  for (const http::Header& h : o.headers) answer_.headers.add(h.name, h.value);
  if (o.plan->parts_in_header) answer_.headers.add("X-Sluice-Parts", parts_text(arena(), o));
  if (o.status) answer_.status = o.status;
  if (answer_.status == 204 || answer_.status == 205 || answer_.status == 304) {  // RFC 9110 §15: these have no body
    answer_.body.bind(arena());
    answer_.headers.remove("Content-Type");
  }
}

void Exchange::refuse(int status, std::string_view content_type, std::string_view text, std::string_view detail) {
  if (!wants_problem()) return set_answer(status, content_type, text);
  set_answer(status, kProblemType, problem_body(arena(), status, detail, nullptr));
}

void Exchange::report(const Error& error) {
  if (log::enabled(log::Level::error)) log::write(log::Level::error, arena().concat(endpoint_->where, " ", error.message));
  log_error(error.message);
}

void Exchange::render_failure(const Error& error, const Outcome* outcome, const http::Headers* headers) {
  failure_ = error;
  answer_.headers.bind(arena());
  answer_.body.bind(arena());
  source_ = nullptr;
  answer_.status = error.http_status ? error.http_status : 500;
  add_version_headers(false);
  if (headers)
    for (const http::Header& h : *headers) answer_.headers.add(h.name, h.value);
  if (outcome) [[unlikely]] {
    for (const http::Header& h : outcome->headers) answer_.headers.add(h.name, h.value);
    if (outcome->plan->parts_in_header) answer_.headers.add("X-Sluice-Parts", parts_text(arena(), *outcome));
  }
  if (wants_problem() && answer_.status >= 400) {
    answer_.headers.set("Content-Type", kProblemType);
    answer_.body.push(problem_body(arena(), answer_.status, problem_detail(arena(), error, outcome), outcome));
    return;
  }
  if (!generation().config->router.return_error_msg || answer_.status == 304) return;  // 304 describes no body of its own
  std::string_view text = !error.body.empty() ? error.body : error.public_message;
  if (text.empty()) text = to_string(error.code);
  answer_.headers.set("Content-Type", error.content_type.empty() ? http::sniff_content_type(text) : error.content_type);
  answer_.body.push(text);
}

}  // namespace sluice::pipeline
