// The account as JSON. docs/explain.md shows it.
#include <openssl/evp.h>

#include <boost/json/parse.hpp>
#include <cstdio>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/document/write.h"
#include "core/pipeline/account.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/outcome.h"

namespace sluice::pipeline {
namespace {

// One JSON object or list being written.
class Json {
 public:
  Json(std::string& out, char open, char close) : out_{out}, close_{close} { out_ += open; }
  ~Json() { out_ += close_; }
  Json(const Json&) = delete;
  // Behind the name, or behind the comma of a list, comes the value.
  std::string& name(std::string_view key) {
    comma();
    document::append_json_string(out_, key);
    return out_ += ':';
  }
  std::string& next() {
    comma();
    return out_;
  }
  void text(std::string_view key, std::string_view value) { document::append_json_string(name(key), value); }
  void number(std::string_view key, uint64_t value) { name(key) += std::to_string(value); }
  void flag(std::string_view key, bool value) { name(key) += value ? "true" : "false"; }
  void us(std::string_view key, uint64_t ns) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f", static_cast<double>(ns) / 1000);
    name(key) += buffer;
  }

 private:
  void comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  std::string& out_;
  char close_;
  bool first_ = true;
};

std::string_view level_of(const Scope* s) {
  if (!s) return "gateway";
  switch (s->scope) {
    case SLC_AT_SERVICE: return "service";
    case SLC_AT_ENDPOINT: return "endpoint";
    case SLC_AT_PROXY: return "proxy";
    default: return "backend";
  }
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

bool is_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 1024;
  boost::json::error_code wrong;
  boost::json::parse(text, wrong, {}, options);
  return !wrong;
}

size_t replacements(std::string_view text) {
  size_t n = 0;
  for (size_t at = 0; (at = text.find("\xef\xbf\xbd", at)) != text.npos; at += 3) ++n;
  return n;
}

// Can people read it? UTF-8 without control characters.
bool is_text(std::string_view body) {
  for (char c : body)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') return false;
  std::string literal;
  document::append_json_string(literal, body);  // where bytes are no characters it puts U+FFFD
  return replacements(literal) == replacements(body);
}

}  // namespace

class AccountText {
 public:
  AccountText(const Account& a, const Account::Answer& answer) : a_{a}, x_{*a.exchange_}, answer_{answer} {}

  std::string run() {
    {
      Json top{out_, '{', '}'};
      {
        top.name("explain");
        Json j{out_, '{', '}'};
        j.number("version", 1);
        j.number("unix_ms", a_.unix_ms_);
        j.us("total_us", clock::monotonic_ns() - a_.began_ns_);
        request(j);
        route(j);
        stages(j, [](const Scope* s) { return !s || s->scope != SLC_AT_BACKEND; });
        backends(j);
        document(j);
      }
      top.name("answer");
      answer();
    }
    return std::move(out_);
  }

 private:
  uint64_t at(uint64_t ns) const { return ns > a_.began_ns_ ? ns - a_.began_ns_ : 0; }

  void request(Json& in) {
    in.name("request");
    Json j{out_, '{', '}'};
    j.text("method", x_.head().method);
    j.text("target", x_.head().target);
    j.text("client_ip", x_.client_ip());
  }

  void route(Json& in) {
    in.name("route");
    Json j{out_, '{', '}'};
    const EndpointPlan* e = x_.endpoint();
    if (!e) {
      j.text("taken_by", x_.builtin() == Builtin::none ? std::string_view{"nobody"} : builtin_name(x_.builtin()));
      return;
    }
    j.text("taken_by", "endpoint");
    j.text("endpoint", e->config->path);
    j.text("methods", e->config->method);
    if (std::string condition = e->config->condition_text(); !condition.empty()) j.text("condition", condition);
    j.text("pointer", e->config->at.pointer);
    j.number("timeout_ms", e->timeout_ms);
    j.name("params");
    Json params{out_, '{', '}'};
    for (const router::Param& p : x_.params()) params.text(p.name, p.value);
  }

  template <class Pick>
  void stages(Json& in, Pick mine) {
    in.name("stages");
    Json list{out_, '[', ']'};
    for (const Account::Stage& s : a_.stages_) {
      if (!mine(s.scope)) continue;
      list.next();
      Json j{out_, '{', '}'};
      j.text("level", level_of(s.scope));
      j.text("plugin", s.place->plugin);
      j.text("name", s.place->binding);
      j.text("hook", plugin::to_string(s.kind));
      if (s.stage != Account::kNoStage) j.name("stage") += std::to_string(s.stage);
      j.us("at_us", at(s.at_ns));
      j.us("run_us", s.run_ns);
      if (s.waited_ns) j.us("waited_us", s.waited_ns);
      j.text("decision", s.decision);
      if (!s.why.empty()) j.text("why", s.why);
    }
  }

  // What became of a backend as a whole.
  struct Word {
    std::string_view fate, why;
  };
  Word word_of(const BackendPlan& plan) const {
    if (a_.outcome_)
      for (const Part& p : a_.outcome_->parts)
        if (p.backend->index == plan.index) return {to_string(p.fate), p.error ? p.error.public_message : std::string_view{}};
    const Account::Call* call = nullptr;  // the one that counted, else the last
    for (const Account::Call& c : a_.calls_)
      if (&c.scope->plan() == &plan && (!call || c.used || !call->used)) call = &c;
    if (!call) return {"not called", ""};
    const BackendScope& s = *call->scope;
    if (s.error) return {s.error.code == Errc::timeout ? "timeout" : s.error.code == Errc::cancelled ? "cancelled" : "failed", s.error.public_message};
    if (s.response.complete) return {"ok", ""};
    return {call->ended_ns ? "incomplete" : "running", ""};
  }

  void backends(Json& in) {
    in.name("backends");
    Json list{out_, '[', ']'};
    const EndpointPlan* e = x_.endpoint();
    if (!e) return;
    for (const auto& plan : e->backends) {
      list.next();
      Json j{out_, '{', '}'};
      j.number("backend", plan->index);
      j.text("url_pattern", plan->config->url_pattern);
      if (plan->config->step && !plan->config->step->name.empty()) j.text("name", plan->config->step->name);
      Word w = word_of(*plan);
      j.text("fate", w.fate);
      if (!w.why.empty()) j.text("why", w.why);
      j.name("calls");
      Json calls{out_, '[', ']'};
      for (const Account::Call& c : a_.calls_)
        if (&c.scope->plan() == plan.get()) call(calls, c);
    }
  }

  void call(Json& in, const Account::Call& c) {
    in.next();
    Json j{out_, '{', '}'};
    const BackendScope& s = *c.scope;
    j.flag("used", c.used);
    j.us("at_us", at(c.began_ns));
    if (c.ended_ns) j.us("total_us", c.ended_ns - c.began_ns);
    if (s.response.status) j.number("status", static_cast<uint64_t>(s.response.status));
    if (s.error) j.text("error", s.error.message);
    if (c.cut_off) j.flag("cut_off", true);
    {
      j.name("requests");
      Json list{out_, '[', ']'};
      for (const Account::Sending& q : c.sendings) {
        list.next();
        Json r{out_, '{', '}'};
        r.text("host", q.host);
        r.text("method", q.method);
        r.text("target", q.target);
        r.us("at_us", at(q.began_ns));
        r.flag("reused_connection", q.times.reused);
        if (q.times.connected_ns) r.us("connect_us", q.times.connected_ns - q.began_ns);
        if (q.times.connected_ns && q.times.ready_ns > q.times.connected_ns && q.host.starts_with("https"))
          r.us("tls_us", q.times.ready_ns - q.times.connected_ns);
        if (q.head_ns) r.us("first_byte_us", q.head_ns - q.began_ns);
        if (q.ended_ns) r.us("total_us", q.ended_ns - q.began_ns);
        if (q.status) r.number("status", static_cast<uint64_t>(q.status));
        r.number("bytes", q.bytes);
        if (!q.error.empty()) r.text("error", q.error);
      }
    }
    stages(j, [&](const Scope* of) { return of == c.scope; });
  }

  void origin(const Origin& o) {
    Json j{out_, '{', '}'};
    if (o.backend >= 0) {
      j.number("backend", static_cast<uint64_t>(o.backend));
      j.text("path", o.path);
    }
    if (o.rules.empty()) return;
    j.name("rules");
    Json rules{out_, '[', ']'};
    for (const std::string& r : o.rules) document::append_json_string(rules.next(), r);
  }

  void document(Json& in) {
    in.text("depth", to_string(a_.depth_));
    const EndpointPlan* e = x_.endpoint();
    if (e && e->raw) in.text("document", "passed on as it came");
    const Ledger* ledger = nullptr;
    if (a_.result_)
      if (auto it = a_.ledgers_.find(a_.result_); it != a_.ledgers_.end()) ledger = &it->second;
    {
      in.name("fields");
      Json list{out_, '[', ']'};
      if (ledger)
        for (const Field& f : ledger->fields()) {
          list.next();
          Json j{out_, '{', '}'};
          j.text("path", f.path);
          j.name("from");
          Json from{out_, '[', ']'};
          for (const Origin& o : f.from) from.next(), origin(o);
        }
    }
    in.name("missing");
    Json list{out_, '[', ']'};
    if (ledger)
      for (const Missing& m : ledger->missing()) {
        list.next();
        Json j{out_, '{', '}'};
        if (m.what.backend >= 0) {
          j.number("backend", static_cast<uint64_t>(m.what.backend));
          j.text("path", m.what.path);
        } else if (!m.what.rules.empty()) {
          j.text("of", m.what.rules.front());
        }
        j.text("why", m.why);
      }
    if (e && !e->raw) unseen(list, *e);
    if (ledger && ledger->truncated()) {
      list.next();
      Json j{out_, '{', '}'};
      j.text("why", "there are more fields than an account lists");
    }
  }

  // Backends that gave nothing: with the names that the configuration tells of.
  void unseen(Json& list, const EndpointPlan& e) {
    for (const auto& plan : e.backends) {
      Word w = word_of(*plan);
      const bool hidden = plan->config->step && plan->config->step->hidden;
      if ((w.fate == "ok" || w.fate == "incomplete") && !hidden) continue;
      std::string why = hidden && w.fate == "ok" ? "hidden" : "the backend: " + std::string{w.fate} + (w.why.empty() ? "" : ", " + std::string{w.why});
      list.next();
      Json j{out_, '{', '}'};
      j.number("backend", plan->index);
      j.text("path", "");
      std::vector<std::string> names;
      if (!plan->config->group.empty()) names = {plan->config->group};
      else
        for (const std::string& path : plan->config->allow) {
          std::string key = path.substr(0, path.find('.'));
          for (const auto& [from, to] : plan->config->mapping)
            if (from == key) key = to.substr(0, to.find('.'));
          if (std::find(names.begin(), names.end(), key) == names.end()) names.push_back(std::move(key));
        }
      if (!names.empty()) {
        j.name("would_be");
        Json would{out_, '[', ']'};
        for (const std::string& n : names) document::append_json_string(would.next(), n);
      }
      j.text("why", why);
    }
  }

  void answer() {
    Json j{out_, '{', '}'};
    j.number("status", static_cast<uint64_t>(answer_.status));
    {
      j.name("headers");
      Json list{out_, '[', ']'};
      for (const auto& [name, value] : answer_.headers) {
        list.next();
        Json pair{out_, '[', ']'};
        document::append_json_string(pair.next(), name);
        document::append_json_string(pair.next(), value);
      }
    }
    j.number("body_bytes", answer_.body_bytes);
    if (answer_.truncated) j.flag("broken_off", true);
    if (answer_.body.size() < answer_.body_bytes) {
      j.flag("body_left_out", true);
    } else if (is_json(answer_.body)) {
      j.name("body") += answer_.body;
    } else if (is_text(answer_.body)) {
      j.text("body_text", answer_.body);
    } else {
      j.text("body_base64", base64(answer_.body));
    }
  }

  const Account& a_;
  Exchange& x_;
  const Account::Answer& answer_;
  std::string out_;
};

std::string Account::text(const Answer& answer) { return AccountText{*this, answer}.run(); }

}  // namespace sluice::pipeline
