#include "core/pipeline/outcome.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/document/shape.h"
#include "core/log/log.h"
#include "core/pipeline/account.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/sequence.h"
#include "core/pipeline/url.h"

namespace sluice::pipeline {

using document::Kind;
using document::Node;

std::string_view to_string(Fate f) {
  static constexpr std::string_view kNames[] = {"waiting", "running", "ok", "incomplete", "failed", "timeout", "skipped", "missed", "cancelled"};
  return kNames[static_cast<size_t>(f)];
}

uint16_t status_of(const Error& e, int answered) {
  if (e.http_status >= 400) return e.http_status;
  switch (e.code) {
    // A redirect or a 204 is no failure that a client could make something of.
    case Errc::status: return answered >= 400 ? static_cast<uint16_t>(answered) : uint16_t{502};
    case Errc::timeout: return 504;
    case Errc::cancelled:
    case Errc::plugin:
    case Errc::internal:
    case Errc::encode: return 500;
    case Errc::rejected: return 503;
    default: return 502;
  }
}

void judge(Part& p) {
  if (!p.call) {
    p.error = timed_out(Source::backend);
    p.fate = Fate::timeout;
    p.status = 504;
    return;
  }
  const BackendScope& call = *p.call;
  if (call.error) {
    p.error = call.error;
    p.fate = call.error.code == Errc::timeout ? Fate::timeout : Fate::failed;
    p.status = status_of(call.error, call.response.status);
    return;
  }
  p.status = static_cast<uint16_t>(call.response.status ? call.response.status : 200);
  const bool data = call.response.has_data && call.response.data.kind != Kind::null;
  p.fate = data && call.response.complete ? Fate::ok : Fate::incomplete;
}

PartValues::PartValues(Exchange& x, std::span<const Part> parts) : ReferenceValues{x.arena()}, x_{x}, parts_{parts} {}

Node* PartValues::find(const Reference& r) {
  Arena& a = memory();
  auto text = [&](std::string_view s) { return a.make<Node>(document::make_string(s)); };
  switch (r.of) {
    case Reference::Of::parameter: {
      const router::Param* p = find_param(x_.params(), r.name);
      return p ? text(p->value) : nullptr;
    }
    case Reference::Of::header: {
      const http::Header* h = x_.forwarded.find(r.name);
      return h ? text(h->value) : nullptr;
    }
    case Reference::Of::query: {
      std::string_view rest = filter_query(a, x_.in.query, false, {r.name}, nullptr);
      if (rest.empty()) return nullptr;
      rest = rest.substr(0, rest.find('&'));
      return text(a.copy(percent_decode(rest.substr(rest.find('=') + 1), true).value_or("")));
    }
    case Reference::Of::status: {
      const Part& p = parts_[r.step];
      return p.status ? a.make<Node>(document::make_number(a.copy(std::to_string(p.status)))) : nullptr;
    }
    case Reference::Of::data: break;
  }
  const Part& p = parts_[r.step];
  if (!p.call || p.failed() || !p.call->response.has_data) return nullptr;
  return walk(a, p.call->response.data, r.path);
}

namespace {

class Assembly {
 public:
  Assembly(Exchange& x, const EndpointPlan& plan, std::span<const Part> parts, Scope& result)
      : x_{x}, plan_{plan}, rules_{*plan.aggregation}, parts_{parts}, result_{result}, out_{x.arena().make<Outcome>()} {
    out_->plan = &rules_;
    out_->parts = parts;
    out_->headers.bind(x.arena());
  }

  const Outcome* run() {
    count();
    if (required_ != nullptr) fail_with(*required_);
    else if (const Part* first = plan_.sequential ? first_called() : nullptr; first && first->failed())
      take_failure(*first);  // that very error (pipeline.md §5.3, rule 1)
    else if (good_ == 0 && failed_ > 0) fail_all();
    else merge();
    find_status();
    headers();
    if (Account* account = x_.account()) [[unlikely]]
      account->outcome(*out_);
    return out_;
  }

 private:
  Arena& arena() { return x_.arena(); }

  void count() {
    const bool alone = parts_.size() == 1;
    for (const Part& p : parts_) {
      if (p.fate == Fate::skipped) continue;
      const bool bad = p.failed();
      // Error details stand for an answer that was none.
      if (p.step->required && !required_ && p.fate != Fate::cancelled && (bad || (p.fate == Fate::incomplete && p.status >= 400))) required_ = &p;
      if (bad) {
        if ((!alone || p.step->optional) && p.fate != Fate::cancelled) tell(p);
        if (!p.step->optional) ++failed_;
      } else if (!p.step->hidden) {  // nobody sees that it is there
        ++good_;
      }
      if (!p.step->optional && p.fate != Fate::ok) complete_ = false;
    }
  }

  const Part* first_called() const {
    for (const Part& p : parts_)
      if (p.fate != Fate::skipped) return &p;
    return nullptr;
  }

  // As call_all() does; a sequence has told its own.
  void tell(const Part& p) {
    texts_.push_back(&p);
    if (plan_.sequential) return;
    const log::Level level = p.step->optional ? log::Level::warning : log::Level::error;
    if (log::enabled(level)) log::write(level, arena().concat(plan_.where, " Error #", std::to_string(texts_.size() - 1), ": ", p.error.message));
    if (!p.step->optional) x_.log_error(p.error.message);
  }

  // This part's failure is the answer.
  void take_failure(const Part& p) {
    result_.error = p.error;
    if (p.call) result_.failure_headers = p.call->failure_headers;
  }

  void fail_with(const Part& p) {
    take_failure(p);
    if (!result_.error) {
      result_.error.code = Errc::status;
      result_.error.source = Source::backend;
      result_.error.message = arena().concat(p.step->label, " is required and answered with ", std::to_string(p.status));
      result_.error.public_message = result_.error.message;
      x_.log_error(result_.error.message);
    }
    result_.error.http_status = p.status;
    out_->final = true;
    out_->required = &p;
  }

  void fail_all() {
    if (parts_.size() == 1) return take_failure(parts_[0]);

    result_.error = {.code = Errc::status, .source = Source::backend};
    std::string_view all, shown;
    for (const Part* p : texts_) {
      std::string_view kind = !p->error.body.empty() ? p->error.body : p->error.public_message;
      std::string_view line = arena().concat("backend ", std::to_string(p->backend->index + 1), ": ", kind);
      all = all.empty() ? p->error.message : arena().concat(all, "\n", p->error.message);
      shown = shown.empty() ? line : arena().concat(shown, "\n", line);
    }
    result_.error.message = all;
    result_.error.public_message = shown;
  }

  void merge() {
    plugin::ResponseSide& r = result_.response;
    if (parts_.size() == 1 && parts_[0].call && !parts_[0].failed() && parts_[0].fate != Fate::skipped && !parts_[0].step->hidden) {
      r = parts_[0].call->response;  // one answer is the answer
      if (x_.account()) [[unlikely]]
        x_.account()->take(result_, *parts_[0].call);
      return;
    }
    auto* data = arena().array<Node>(parts_.size());
    auto* from = arena().array<const Part*>(parts_.size());
    auto* calls = arena().array<BackendScope*>(parts_.size());
    Account* account = x_.account();
    MergeNotes notes{account ? account->depth() : AccountDepth::top};
    uint32_t used = 0;
    for (const Part& p : parts_) {
      if (!p.call || p.failed() || p.fate == Fate::skipped || p.step->hidden) continue;
      if (!p.call->response.has_data || p.call->response.data.kind == Kind::null) continue;
      from[used] = &p;
      calls[used] = p.call;
      new (&data[used++]) Node{p.call->response.data};
    }
    if (!rules_.merge) {
      r.data = document::merge(arena(), {data, used});
    } else if (document::MergeConflict c; !document::combine(arena(), {data, used}, *rules_.merge, &r.data, &c, account ? &notes : nullptr)) {
      std::string_view others =
          c.first == document::MergeConflict::kUnknown ? std::string_view{"an earlier backend"} : std::string_view{from[c.first]->step->label};
      std::string_view text = arena().concat(others, " and ", from[c.second]->step->label, " both answered with the key \"", c.key, "\"");
      result_.error = {.code = Errc::decode, .source = Source::backend, .http_status = 502, .message = text, .public_message = text};
      out_->final = true;
      if (parts_.size() > 1) {
        if (log::enabled(log::Level::error)) log::write(log::Level::error, arena().concat(plan_.where, " ", text));
        x_.log_error(text);
      }
      return;
    }
    r.has_data = true;
    r.complete = complete_;
    r.partial_errors = failed_ > 0;
    if (account) [[unlikely]]
      account->merged(result_, {calls, used}, rules_.merge ? &notes.words : nullptr);
  }

  void find_status() {
    uint16_t status = 0;
    PartValues values{x_, parts_};
    for (const auto& [when, then] : rules_.status_when)
      if (when.holds(values)) {
        status = then;
        break;
      }
    if (!status && !out_->final) status = by_rule();
    out_->status = status;  // static data may still make an answer of a failure
    if (result_.error && status >= 400) result_.error.http_status = status;
  }

  uint16_t by_rule() const {
    uint16_t status = 0;
    switch (rules_.status) {
      case Aggregation::Status::reference: break;
      case Aggregation::Status::of_step: return parts_[rules_.status_step].status;
      case Aggregation::Status::worst:
        for (const Part& p : parts_)
          if (counts(p)) status = std::max(status, p.status);
        break;
      case Aggregation::Status::first:
        for (const Part& p : parts_)
          if (counts(p) && p.status >= 400) return p.status;
        break;
    }
    return status;
  }
  static bool counts(const Part& p) { return !(p.step->optional && p.fate != Fate::ok); }

  void headers() {
    for (const Part& p : parts_) {
      if (!p.call || !p.call->kept_headers()) continue;
      if (p.failed() && !(out_->final && &p == required_)) continue;  // of failures only the one that is the answer
      take(*p.call->kept_headers(), *p.step);
    }
    out_->private_answer = out_->headers.find("Set-Cookie") || out_->headers.find("Cache-Control");
  }

  void take(const http::Headers& from, const PartPlan& step) {
    http::Headers& to = out_->headers;
    const uint32_t before = to.size();
    // What stands already, of other backends.
    auto there = [&](std::string_view name) {
      for (uint32_t i = 0; i < before; ++i)
        if (iequals(to[i].name, name)) return true;
      return false;
    };
    ArenaVector<std::string_view> replaced{arena()};
    for (const http::Header& h : from) {
      if (!passes(h.name, step)) continue;
      const Aggregation::HeaderRule rule = rule_for(h.name);
      if (rule == Aggregation::HeaderRule::first && there(h.name)) continue;
      if (rule == Aggregation::HeaderRule::overwrite && there(h.name)) replaced.push(h.name);
      to.add(h.name, h.value);
    }
    for (uint32_t i = before; i-- > 0;)
      if (std::any_of(replaced.begin(), replaced.end(), [&](std::string_view r) { return iequals(r, to[i].name); })) to.remove_at(i);
  }

  // A cookie is a line of its own, always: they cannot be joined (RFC 9110 §5.3), and one does not replace another.
  Aggregation::HeaderRule rule_for(std::string_view name) const {
    for (const auto& [of, rule] : rules_.header_rules)
      if (iequals(of, name)) return rule;
    return iequals(name, "Set-Cookie") ? Aggregation::HeaderRule::append : Aggregation::HeaderRule::overwrite;
  }

  static bool passes(std::string_view name, const PartPlan& step) {
    for (const std::string& listed : step.output_headers)
      if (iequals(listed, name)) return true;
    if (!step.all_headers || http::is_hop_by_hop(name)) return false;
    // These speak of that backend's own message and body, which the client does not get.
    static constexpr std::string_view kOfTheBody[] = {"Date", "Server", "ETag", "Last-Modified", "Accept-Ranges", "Age", "Cache-Control", "Expires",
                                                      "Digest", "Repr-Digest", "Link", "X-Krakend", "X-Krakend-Completed", "X-Sluice-Parts"};
    if (name.size() > 8 && iequals(name.substr(0, 8), "Content-")) return false;
    return std::none_of(std::begin(kOfTheBody), std::end(kOfTheBody), [&](std::string_view k) { return iequals(k, name); });
  }

  Exchange& x_;
  const EndpointPlan& plan_;
  const Aggregation& rules_;
  std::span<const Part> parts_;
  Scope& result_;
  Outcome* out_;
  const Part* required_ = nullptr;  // the first required part that is missing
  uint32_t good_ = 0, failed_ = 0;
  bool complete_ = true;
  std::vector<const Part*> texts_;
};

}  // namespace

const Outcome* assemble(Exchange& x, const EndpointPlan& plan, std::span<const Part> parts, Scope& result) {
  return Assembly{x, plan, parts, result}.run();
}

std::string_view parts_text(Arena& arena, const Outcome& o) {
  std::string out;
  for (const Part& p : o.parts) {
    out += (out.empty() ? "" : ", ") + p.step->label + ";fate=" + std::string{to_string(p.fate)};
    if (p.status) out += ";status=" + std::to_string(p.status);
  }
  return arena.copy(out);
}

Node parts_node(Arena& arena, const Outcome& o) {
  Node list;
  list.kind = Kind::array;
  list.count = static_cast<uint32_t>(o.parts.size());
  list.elements = arena.array<Node>(o.parts.size());
  for (uint32_t i = 0; i < list.count; ++i) {
    const Part& p = o.parts[i];
    document::ObjectWriter one{arena};
    one.set("name", document::make_string(p.step->label));
    one.set("fate", document::make_string(to_string(p.fate)));
    if (p.status) one.set("status", document::make_number(arena.copy(std::to_string(p.status))));
    new (&list.elements[i]) Node(one.finish());
  }
  return list;
}

}  // namespace sluice::pipeline
