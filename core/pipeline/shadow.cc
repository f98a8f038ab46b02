#include "core/pipeline/shadow.h"

#include "core/log/log.h"
#include "core/pipeline/exchange.h"

namespace sluice::pipeline {

// What a shadow has in the place of a client: the copied request, and nobody who reads the answer.
class ShadowStream final : public http::Stream {
 public:
  ShadowStream(Shadows& all, slc_worker& worker) : all_{all}, worker_{worker}, arena_{all.blocks_} {
    next_ = all.first_;
    if (next_) next_->previous_ = this;
    all.first_ = this;
    ++all.count_;
  }
  ~ShadowStream() {
    (previous_ ? previous_->next_ : all_.first_) = next_;
    if (next_) next_->previous_ = previous_;
    all_.bytes_ -= bytes_;
    if (--all_.count_ == 0) all_.dropping_ = false;
  }
  ShadowStream(const ShadowStream&) = delete;

  void copy(Exchange& of) {
    const http::RequestHead& from = of.head();
    head_.method = arena_.copy(from.method);
    head_.target = arena_.copy(from.target);
    head_.path = arena_.copy(from.path);
    head_.query = arena_.copy(from.query);
    head_.has_query = from.has_query;
    head_.host = arena_.copy(from.host);
    head_.content_length = from.content_length;
    head_.headers.bind(arena_);
    peer_ip_ = arena_.copy(of.peer_ip());
    secure_ = of.stream().secure();
    bytes_ = of.body.size();
    all_.bytes_ += bytes_;
  }
  void begin_later() {
    turn_.on_expire([](loop::Deadline& d) noexcept { static_cast<Exchange*>(d.owner<ShadowStream>().owner_)->start_shadow(); }, this);
    worker_.loop.deadlines().arm(turn_, 0);
  }
  http::StreamOwner* owner() { return owner_; }
  ShadowStream* next() { return next_; }

  Arena& arena() override { return arena_; }
  const http::RequestHead& head() override { return head_; }
  std::string_view peer_ip() override { return peer_ip_; }
  bool secure() override { return secure_; }
  void set_owner(http::StreamOwner* o) override { owner_ = o; }
  bool body_complete() override { return true; }
  http::Slice body() override { return {}; }
  void read_body() override {}
  void pause_body() override {}
  void resume_body() override {}
  void respond(const http::ResponseHead&, http::Slices, http::Life) override {}
  void start(const http::ResponseHead&, http::Slices, http::Life) override {}
  bool write(http::Slices, http::Life) override { return true; }
  void finish() override {}
  void abort() override {}
  void close_after() override {}
  bool started() override { return true; }
  void release() override {
    owner_ = nullptr;
    // Not now: code whose frame lies in the arena may still be on the stack.
    turn_.on_expire([](loop::Deadline& d) noexcept { delete &d.owner<ShadowStream>(); }, this);
    worker_.loop.deadlines().arm(turn_, 0);
  }

 private:
  Shadows& all_;
  slc_worker& worker_;
  Arena arena_;
  http::RequestHead head_;
  std::string_view peer_ip_;
  http::StreamOwner* owner_ = nullptr;
  ShadowStream *next_ = nullptr, *previous_ = nullptr;
  loop::Deadline turn_;  // begins, and later ends, from the loop
  size_t bytes_ = 0;
  bool secure_ = false;
};

Shadows::~Shadows() {
  while (first_) delete first_;
}

void Shadows::end() {
  for (ShadowStream *s = first_, *next; s; s = next) {
    next = s->next();
    if (s->owner()) s->owner()->on_gone();
  }
}

void Shadows::start(Exchange& of, const EndpointPlan& shadow) {
  if (count_ >= kMost || bytes_ + of.body.size() > kMostBytes) {
    if (!dropping_ && log::enabled(log::Level::warning))
      log::write(log::Level::warning, of.arena().concat(shadow.where, " too many shadow calls are running, further ones are left out"));
    dropping_ = true;
    return;
  }
  auto* stream = new ShadowStream{*this, of.worker()};
  stream->copy(of);
  Exchange::begin_shadow(of, shadow, *stream);
  stream->begin_later();
}

// ---- the exchange of a shadow ----

Exchange::Exchange(Exchange& of, const EndpointPlan& shadow, http::Stream& stream) : plan_{of.plan_}, stream_{stream} {
  Arena& a = arena();
  auto headers = [&a](const http::Headers& from, http::Headers& to) {
    to.bind(a);
    to.reserve(from.size() + 4);
    for (const http::Header& h : from) to.add(a.copy(h.name), a.copy(h.value));
  };
  in.method = a.copy(of.in.method);
  path_ = in.path = a.copy(of.in.path);
  in.query = a.copy(of.in.query);
  in.headers.bind(a);
  in.body.bind(a);
  headers(of.forwarded, forwarded);
  forwarded_length = of.forwarded_length;
  user_agent_forwarded = of.user_agent_forwarded;
  accept_encoding_forwarded = of.accept_encoding_forwarded;
  has_body = of.has_body;
  if (!of.body.empty()) body = a.copy(of.body);
  client_ip_ = a.copy(of.client_ip_);
  match_.params.bind(a);
  for (const router::Param& p : of.match_.params) match_.params.push({a.copy(p.name), a.copy(p.value)});
  endpoint_ = &shadow;
  answer_.headers.bind(a);
  answer_.body.bind(a);
  deadline_.on_expire([](loop::Deadline& d) noexcept { d.owner<Exchange>().on_deadline(); }, this);
  shadow_ = skip_log_ = true;
  ++plan_.running;
}

void Exchange::begin_shadow(Exchange& of, const EndpointPlan& shadow, http::Stream& stream) {
  auto* x = new (stream.arena().alloc(sizeof(Exchange), alignof(Exchange))) Exchange{of, shadow, stream};
  stream.set_owner(x);
}

void Exchange::start_shadow() {
  worker().loop.deadlines().arm(deadline_, endpoint_->timeout_ms);
  root_done_ = {[](loop::Completion& c) noexcept { c.owner<Exchange>().finish(); }, this};
  root_ = serve_shadow();
  root_.start(root_done_);
}

}  // namespace sluice::pipeline
