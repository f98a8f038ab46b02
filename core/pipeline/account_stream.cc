#include "core/pipeline/account_stream.h"

#include <ctime>
#include <optional>

#include "core/base/text.h"

namespace sluice::pipeline {
namespace {

constexpr size_t kMaxBody = size_t{4} << 20;  // of an answer inside its account

class AccountStream final : public http::Stream {
 public:
  AccountStream(http::Stream& to, const http::Headers& headers) : to_{to}, head_{to.head()} { head_.headers = headers; }

  Account* grant(AccountDepth depth) { return &account_.emplace(depth); }
  void refuse(std::string_view why) { refused_ = why; }

  Arena& arena() override { return to_.arena(); }
  const http::RequestHead& head() override { return head_; }
  std::string_view peer_ip() override { return to_.peer_ip(); }
  bool secure() override { return to_.secure(); }
  void set_owner(http::StreamOwner* owner) override { to_.set_owner(owner); }
  bool body_complete() override { return to_.body_complete(); }
  http::Slice body() override { return to_.body(); }
  void read_body() override { to_.read_body(); }
  void pause_body() override { to_.pause_body(); }
  void resume_body() override { to_.resume_body(); }
  void close_after() override { to_.close_after(); }

  void respond(const http::ResponseHead& h, http::Slices body, http::Life life) override {
    if (!account_) return to_.respond(told(h), body, life);
    keep(h);
    add(body);
    give();
  }
  void start(const http::ResponseHead& h, http::Slices first, http::Life life) override {
    if (!account_) return to_.start(told(h), first, life);
    keep(h);
    add(first);
  }
  // What is kept is bounded, and the rest only counted: nobody has to wait.
  bool write(http::Slices slices, http::Life life) override { return account_ ? (add(slices), true) : to_.write(slices, life); }
  void finish() override {
    if (!account_) return to_.finish();
    give();
  }
  void abort() override {
    if (!account_ || !started_ || given_) return to_.abort();
    answer_.truncated = true;
    give();
  }
  bool started() override { return account_ ? started_ : to_.started(); }
  void release() override {
    http::Stream& to = to_;
    this->~AccountStream();
    to.release();
  }

 private:
  http::ResponseHead told(const http::ResponseHead& h) {
    http::ResponseHead out = h;
    out.headers.bind(arena());
    for (const http::Header& f : h.headers) out.headers.add(f.name, f.value);
    out.headers.add(kExplainHeader, arena().concat("refused; reason=\"", refused_, "\""));
    return out;
  }

  void keep(const http::ResponseHead& h) {
    started_ = true;
    answer_.status = h.status;
    for (const http::Header& f : h.headers) answer_.headers.emplace_back(f.name, f.value);
  }
  void add(http::Slices slices) {
    for (http::Slice s : slices) {
      answer_.body_bytes += s.size();
      answer_.body.append(s.substr(0, kMaxBody - std::min(kMaxBody, answer_.body.size())));
    }
  }

  // Fields that speak of the answer's own bytes are inside the account; the others are what a client would have seen, too.
  static bool of_the_body(std::string_view name) {
    static constexpr std::string_view kNames[] = {"ETag", "Last-Modified", "Accept-Ranges", "Age", "Cache-Control", "Expires", "Vary", "Digest", "Repr-Digest"};
    if (name.size() > 8 && iequals(name.substr(0, 8), "Content-")) return true;
    for (std::string_view n : kNames)
      if (iequals(n, name)) return true;
    return false;
  }

  void give() {
    given_ = true;
    http::ResponseHead h;
    const bool bodyless = answer_.status < 200 || answer_.status == 204 || answer_.status == 205 || answer_.status == 304;  // RFC 9110 §15
    h.status = bodyless ? 200 : answer_.status;
    h.headers.bind(arena());
    for (const auto& [name, value] : answer_.headers)
      if (!of_the_body(name)) h.headers.add(arena().copy(name), arena().copy(value));
    h.headers.add("Content-Type", "application/json");
    h.headers.add("Cache-Control", "no-store");
    h.headers.add(kExplainHeader, "version=1");
    std::string_view text = arena().copy(account_->text(answer_));
    to_.respond(h, {&text, 1}, http::Life::exchange);
  }

  http::Stream& to_;
  http::RequestHead head_;
  std::optional<Account> account_;
  std::string_view refused_;
  Account::Answer answer_;
  bool started_ = false, given_ = false;
};

}  // namespace

http::Stream& account_stream(const config::Explain& rule, http::Stream& stream, Account** account) {
  *account = nullptr;
  const http::RequestHead& h = stream.head();
  const http::Header* asks = h.headers.find(kExplainHeader);
  if (!asks) return stream;
  Arena& arena = stream.arena();
  http::Headers others{arena};
  for (const http::Header& f : h.headers)
    if (!iequals(f.name, kExplainHeader)) others.add(f.name, f.value);
  // As the client signed it: path and query, whatever the form of the target.
  std::string_view target = h.has_query ? arena.concat(h.path, "?", h.query) : h.path;
  ExplainVerdict verdict = judge_explain(rule, asks->value, h.method, target, static_cast<uint64_t>(std::time(nullptr)));
  if (verdict.refused.empty() && h.method == "HEAD") verdict.refused = "an answer to HEAD has no body";
  auto* out = new (arena.alloc(sizeof(AccountStream), alignof(AccountStream))) AccountStream{stream, others};
  if (verdict.refused.empty()) *account = out->grant(verdict.depth);
  else out->refuse(verdict.refused);
  return *out;
}

}  // namespace sluice::pipeline
