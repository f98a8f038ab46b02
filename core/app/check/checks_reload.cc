// What outlives an object: its state, and the requests that run in it while the gateway takes a new configuration.
#include <algorithm>
#include <chrono>
#include <thread>

#include "core/app/check/kit.h"
#include "core/app/check/spy.h"
#include "core/app/check/traffic.h"
#include "core/plugin/handover.h"

namespace sluice::app::check {
namespace {

using namespace std::chrono_literals;

constexpr size_t kCuts = 48;      // places where a state is cut, and where it is damaged
constexpr int kReloads = 3;
constexpr auto kGone = 10s;       // for old generations, after their requests have ended

// Bytes that another version, or nobody, has written.
std::vector<std::string> foreign(const std::string& own) {
  std::vector<std::string> out{"", std::string(1, '\0'), std::string(4096, '\0'), std::string(4096, '\xff'), "{}", "not a state at all\n"};
  const size_t step = std::max<size_t>(own.size() / kCuts, 1);
  for (size_t at = 0; at < own.size(); at += step) {
    out.push_back(own.substr(0, at));
    std::string damaged = own;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
    out.push_back(std::move(damaged));
  }
  if (!own.empty()) out.push_back(own + own);
  return out;
}

}  // namespace

void check_state(Session& s) {
  size_t with = 0, bytes = 0, strange = 0;
  for (const plugin::Binding* b : s.bindings()) {
    if (!b->life || !SLC_HAS(b->life, slc_lifecycle, export_state) || !SLC_HAS(b->life, slc_lifecycle, import_state)) continue;
    // The gateway's own way, from one object to the next and on to a third: what came in must be fit to go out.
    auto first = s.make_object(*b), second = s.make_object(*b), third = s.make_object(*b);
    if (!first || !second || !third) continue;
    ++with;
    plugin::hand_over(*first, *second);
    first.reset();
    plugin::hand_over(*second, *third);
    const std::string own = spy::last_export(b->spec);
    bytes = std::max(bytes, own.size());
    for (const std::string& text : foreign(own)) {
      auto object = s.make_object(*b);
      if (!object) break;
      const plugin::PlaceScope place{&object->place(), plugin::HookKind::import_state};
      // In memory of its own, so that reading over the end is noticed by who looks for it.
      const std::vector<char> exact{text.begin(), text.end()};
      b->life->import_state(object->object(), {exact.data(), exact.size()});
      ++strange;
    }
  }
  if (s.tell_violations() || !with) return;
  s.tell(State::passed, "state",
         "handed over twice, at most " + std::to_string(bytes) + " bytes; " + std::to_string(strange) + " states that it never wrote, each survived");
}

void check_reload(Session& s) {
  auto site = opened(s, "reload", 1, "300ms");
  if (!site) return;
  size_t reloads = 0, carried = 0, while_suspended = 0;
  const spy::Counts at_start = spy::counts();
  for (int round = 0; round < kReloads; ++round) {
    std::vector<std::unique_ptr<Client>> under_way;
    const spy::Counts before = spy::counts();
    for (const Spot& spot : s.spots())
      for (const char* mode : {"late", "ok"}) {
        under_way.push_back(std::make_unique<Client>(site->port()));
        under_way.back()->send(get(spot, mode));
      }
    spy::wait_for_hooks(before.hooks + 1, 300);
    if (spy::counts().suspended && spy::wait_for_suspended(1000)) ++while_suspended;
    const ReloadOutcome outcome = site->reload();
    if (!outcome.ok) {
      s.tell(State::failed, "reload", "the same configuration once more is refused: " + s.cleaned(outcome.error),
             "What create() and worker_start() need must be there a second time, while the first is still in use: ports, files, threads.");
      break;
    }
    ++reloads;
    for (const Spot& spot : s.spots()) still_serves(s, *site, "reload", spot);
    for (auto& c : under_way) c->read(s.options().answer_ms);
    carried += under_way.size();
  }
  const auto until = std::chrono::steady_clock::now() + kGone;
  size_t generations;
  while ((generations = site->generations()) > 1 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
  if (generations > 1)
    s.tell(State::failed, "reload", std::to_string(generations) + " generations live after their requests have ended",
           "An exchange that is never done keeps its generation: resume what was suspended, and end what was started for it.");
  for (const Spot& spot : s.spots()) still_serves(s, *site, "reload", spot);
  site.reset();
  if (s.tell_violations() || generations > 1 || reloads < kReloads) return;
  const spy::Counts now = spy::counts();
  s.tell(State::passed, "reload",
         std::to_string(reloads) + " reloads with " + std::to_string(carried) + " requests under way" +
             (while_suspended ? ", some while a hook was waiting" : "") +
             (now.imported > at_start.imported ? ", " + std::to_string(now.imported - at_start.imported) + " states handed over" : "") +
             "; the old objects went with their last requests");
}

}  // namespace sluice::app::check
