#include "core/pipeline/account.h"

#include <ctime>

#include "core/base/clock.h"
#include "core/pipeline/exchange.h"
#include "core/pipeline/outcome.h"

namespace sluice::pipeline {
namespace {

std::string_view decision_of(slc_action a) {
  switch (a) {
    case SLC_NEXT: return "next";
    case SLC_REPLY: return "reply";
    case SLC_PENDING: return "suspended";
    default: return "fail";
  }
}

std::string by(const plugin::Place& p) { return "plugin " + std::string{p.plugin} + " (" + std::string{p.binding} + ")"; }

bool has_document(const Scope& s) { return (s.scope == SLC_AT_BACKEND || s.scope == SLC_AT_PROXY) && s.response.has_data; }

}  // namespace

Account::Account(AccountDepth depth) : depth_{depth}, began_ns_{clock::monotonic_ns()} {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  unix_ms_ = static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1'000'000;
}
Account::~Account() = default;

// ---- plugins

void Account::hook(Scope& s, const plugin::Place& place, int32_t stage, plugin::HookKind kind, uint64_t began_ns, slc_action a) {
  stages_.push_back({&s, &place, kind, stage, began_ns, clock::monotonic_ns() - began_ns, 0, a == SLC_PENDING, std::string{decision_of(a)}, {}});
  if (a != SLC_PENDING && has_document(s)) changed(s, by(place));
}

void Account::waited(Scope& s, const plugin::Place& place, plugin::HookKind kind, uint64_t since_ns, slc_action a) {
  for (auto at = stages_.rbegin(); at != stages_.rend(); ++at) {
    if (at->scope != &s || at->place != &place || at->kind != kind || !at->suspended) continue;
    at->suspended = false;
    at->waited_ns = clock::monotonic_ns() - since_ns;
    at->decision = decision_of(a);
    break;
  }
  if (has_document(s)) changed(s, by(place));
}

void Account::failed(Scope& s, const plugin::Place& place, plugin::HookKind kind, std::string_view why) {
  for (auto at = stages_.rbegin(); at != stages_.rend(); ++at) {
    if (at->scope != &s || at->place != &place || at->kind != kind) continue;
    at->decision = "fail";
    at->why = why;
    return;
  }
}

void Account::called(const Scope* s, const plugin::Place& place, plugin::HookKind kind, uint64_t began_ns, std::string_view decision) {
  stages_.push_back({s, &place, kind, kNoStage, began_ns, clock::monotonic_ns() - began_ns, 0, false, std::string{decision}, {}});
}

// ---- calls

void Account::begin(BackendScope& s) { calls_.push_back({&s, clock::monotonic_ns(), 0, {}, false, false}); }

Account::Call* Account::find(const Scope* s) {
  for (Call& c : calls_)
    if (c.scope == s) return &c;
  return nullptr;
}

void Account::over(Scope& s) {
  if (Call* c = find(&s)) c->ended_ns = clock::monotonic_ns();
}

void Account::cut_off(Scope& s) {
  Call* c = find(&s);
  if (!c || c->ended_ns) return;
  c->ended_ns = clock::monotonic_ns();
  c->cut_off = true;
}

Account::Sending* Account::sending(BackendScope& s, std::string_view host, std::string_view method, std::string_view target) {
  Call* c = find(&s);
  if (!c) return nullptr;
  Sending& out = c->sendings.emplace_back();
  out.host = host, out.method = method, out.target = target;
  out.began_ns = clock::monotonic_ns();
  return &out;
}

// ---- data

Ledger& Account::ledger(const Scope& s) {
  auto it = ledgers_.find(&s);
  if (it == ledgers_.end()) it = ledgers_.emplace(&s, Ledger{depth_, exchange_->arena()}).first;
  return it->second;
}

void Account::decoded(BackendScope& s) {
  const BackendPlan& plan = s.plan();
  ledger(s).decoded(static_cast<int32_t>(plan.index), s.response.data, plan.shape.options(), plan.config->is_collection);
}

void Account::replaced(BackendScope& s, std::string_view rule) {
  ledgers_.erase(&s);
  ledger(s).changed(s.response.data, rule);
}

void Account::changed(Scope& s, std::string_view rule) { ledger(s).changed(s.response.data, rule); }

void Account::take(const Scope& result, Scope& from) {
  if (from.scope == SLC_AT_BACKEND) used(static_cast<const BackendScope*>(&from));
  if (&result != &from) ledger(result).take(ledger(from));
}

void Account::used(const BackendScope* s) {
  if (Call* c = find(s)) c->used = true;
}

void Account::merged(Scope& result, std::span<BackendScope* const> parts, const std::vector<Ledger::Word>* words) {
  std::vector<Ledger*> from;
  std::vector<std::string> labels;
  for (BackendScope* p : parts) {
    used(p);
    from.push_back(&ledger(*p));
    labels.push_back("resp" + std::to_string(p->plan().index));
  }
  Ledger& out = ledger(result);
  if (words) out.combined(from, labels, *words, result.response.data);
  else out.merged(from, labels, result.response.data);
}

void MergeNotes::member(std::span<const std::string_view> path, uint32_t part, document::Strategy s, bool of_both) {
  if (depth_ == AccountDepth::top && path.size() != 1) return;
  std::string text = Ledger::name_of(depth_, path[0]);
  for (size_t i = 1; i < path.size(); ++i) (text += '.') += Ledger::name_of(depth_, path[i]);
  words.push_back({std::move(text), part, s, of_both});
}

}  // namespace sluice::pipeline
