#include "core/plugin/callout.h"

#include <algorithm>

#include "core/base/text.h"

namespace sluice::plugin {
namespace {

// The platform's trust store; read when the first https callout starts.
std::shared_ptr<http::TlsClientContext> default_tls() {
  static const auto context = http::TlsClientContext::on_first_use();
  return context;
}

// Fields that the message's framing decides about.
bool is_framing(std::string_view name) {
  return iequals(name, "content-length") || http::is_hop_by_hop(name);
}

}  // namespace

bool split_url(std::string_view url, CalloutUrl* out) {
  for (char c : url)
    if (static_cast<uint8_t>(c) <= ' ' || c == 0x7f) return false;
  size_t colon = url.find("://");
  if (colon == url.npos) return false;
  std::string scheme = to_lower(url.substr(0, colon));
  if (scheme != "http" && scheme != "https") return false;
  std::string_view rest = url.substr(colon + 3);
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.empty() || authority.find('@') != authority.npos) return false;
  rest.remove_prefix(authority.size());
  rest = rest.substr(0, rest.find('#'));
  out->origin = scheme + "://" + to_lower(authority);
  out->target = rest.empty() || rest[0] != '/' ? "/" + std::string{rest} : std::string{rest};
  return true;
}

std::shared_ptr<const http::Origin> Origins::find(const std::string& origin) {
  if (auto it = known_.find(origin); it != known_.end()) return it->second;
  bool tls = origin.starts_with("https:");
  auto context = tls ? default_tls() : nullptr;
  if (tls && !context) return nullptr;
  auto made = http::make_origin(origin, std::move(context));
  if (!made) return nullptr;
  if (known_.size() >= kMost) known_.clear();  // running callouts hold theirs
  return known_.emplace(origin, std::make_shared<const http::Origin>(std::move(*made))).first->second;
}

Callout::Callout(slc_worker& w, slc_reply_fn fn)
    : worker_{w}, fn_{fn}, arena_{w.loop.blocks()}, headers_{arena_}, call_{w.client, arena_, *this} {
  alarm_.callout = this;
  alarm_.on_expire([](loop::Deadline& d) noexcept {
    static_cast<Alarm&>(d).callout->finish(SLC_ETIMEOUT, "no answer within the time-out");
  });
}

bool Callout::prepare(const slc_callout& c, Origins& origins) {
  std::string_view method = c.method.len ? view(c.method) : std::string_view{"GET"};
  CalloutUrl url;
  if (!is_token(method) || !split_url(view(c.url), &url)) return false;
  origin_ = origins.find(url.origin);
  if (!origin_) return false;

  std::string head;
  head.append(method).append(" ").append(url.target).append(" HTTP/1.1\r\n");
  bool has_host = false, has_agent = false;
  for (uint32_t i = 0; i < c.header_count; ++i) {
    std::string_view name = view(c.headers[2 * i]), value = view(c.headers[2 * i + 1]);
    if (!is_token(name) || !is_field_value(value)) return false;
    if (is_framing(name)) continue;
    has_host = has_host || iequals(name, "host");
    has_agent = has_agent || iequals(name, "user-agent");
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!has_host) head.append("Host: ").append(origin_->authority).append("\r\n");
  if (!has_agent) head.append("User-Agent: sluice Version " SLC_VERSION "\r\n");
  bool has_content = c.body.len || method == "POST" || method == "PUT" || method == "PATCH";  // RFC 9110 §8.6
  if (has_content) head.append("Content-Length: ").append(std::to_string(c.body.len)).append("\r\n");
  head.append("\r\n");

  bytes_[0] = arena_.copy(head);
  if (c.body.len) bytes_[byte_pieces_++] = arena_.copy(view(c.body));
  head_method_ = method == "HEAD";
  idempotent_ = http::is_idempotent(method);
  timeout_ms_ = c.timeout_ms ? c.timeout_ms : kDefaultTimeoutMs;
  max_body_ = c.max_body ? c.max_body : kDefaultMaxBody;
  return true;
}

void Callout::start() {
  worker_.loop.deadlines().arm(alarm_, timeout_ms_);
  http::ClientCall::Request request;
  request.origin = origin_.get();
  request.bytes = http::Slices{bytes_, byte_pieces_};
  request.head_method = head_method_;
  request.idempotent = idempotent_;
  call_.start(request);
}

void Callout::on_response(const http::ResponseHead* head, http::Slices body, bool last) noexcept {
  if (head) {
    status_ = head->status;
    headers_.reserve(head->headers.size() * 2);
    for (const http::Header& h : head->headers) {
      headers_.push(str(arena_.copy(h.name)));
      headers_.push(str(arena_.copy(h.value)));
    }
    if (!head->no_body && head->content_length > static_cast<int64_t>(max_body_))
      return finish(SLC_ELIMIT, "the answer's body is over the limit");
    if (head->content_length > 0 && !head->no_body) body_.reserve(static_cast<size_t>(head->content_length));
  }
  if (body_.size() + http::total_size(body) > max_body_) return finish(SLC_ELIMIT, "the answer's body is over the limit");
  for (http::Slice s : body) body_.append(s);
  if (last) finish(SLC_OK, {});
}

void Callout::on_error(const Error& e) noexcept {
  finish(to_status(e.code), e.message.empty() ? to_string(e.code) : arena_.copy(e.message));
}

void Callout::finish(slc_status result, std::string_view error) {
  alarm_.disarm();
  TokenTable& t = *table;
  t.detach(*this);
  slc_reply reply{};
  reply.size = sizeof reply;
  reply.result = result;
  if (result == SLC_OK) {
    reply.status = status_;
    reply.body = str(body_);
    reply.headers = headers_.begin();
    reply.header_count = headers_.size() / 2;
  } else {
    reply.error = str(error);
  }
  {
    PlaceScope scope{place, HookKind::reply, owner ? owner->memory : nullptr};
    fn_(user, owner, &reply);
  }
  t.recycle(this);
}

}  // namespace sluice::plugin
