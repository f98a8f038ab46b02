// What can be checked without a request: schemas, blocks, and that nothing is left in the end.
#include <chrono>
#include <thread>

#include "core/app/check/blocks.h"
#include "core/app/check/kit.h"
#include "core/app/check/spy.h"

namespace sluice::app::check {

namespace json = boost::json;

void check_schema(Session& s) {
  size_t with = 0;
  bool wrong = false;
  for (const plugin::Binding* b : s.bindings()) {
    if (!b->spec->scopes) continue;  // encodings and sd have no block
    if (!b->schema) {
      s.tell(State::note, "schema", '"' + b->name + "\" has no JSON Schema",
             "With one, mistakes are found before create() runs, editors can help, and this check can make up blocks.");
      continue;
    }
    ++with;
    const SchemaFaults faults = faults_of(b->schema->document());
    for (const std::string& e : faults.errors) {
      s.tell(State::failed, "schema", '"' + b->name + "\": " + e);
      wrong = true;
    }
    for (const std::string& h : faults.hints) s.tell(State::note, "schema", '"' + b->name + "\": " + h);
  }
  if (with && !wrong) s.tell(State::passed, "schema", std::to_string(with) + (with == 1 ? " schema, valid draft 7" : " schemas, valid draft 7"));
}

namespace {

// Does `pointer` lead to something in `block`, or to a missing member of something that is there?
bool leads_somewhere(const json::value* block, std::string_view pointer) {
  if (pointer.empty()) return true;
  if (!block) return pointer.find('/', 1) == pointer.npos;
  json::error_code ec;
  if (block->find_pointer(pointer, ec)) return true;
  const json::value* parent = block->find_pointer(pointer.substr(0, pointer.rfind('/')), ec);
  return parent != nullptr;
}

}  // namespace

void check_create(Session& s) {
  size_t tried = 0, accepted = 0;
  for (const plugin::Binding* b : s.bindings()) {
    const std::string name = '"' + b->name + '"';
    bool lost = false;
    auto attempt = [&](const json::value* block, const std::string& what) {
      const Session::Tried t = s.try_block(*b, block);
      ++tried;
      accepted += t.accepted;
      for (size_t i = 0; i < t.errors.size() && !lost; ++i) {
        if (t.errors[i].find("refused without a reason") != std::string::npos) {
          s.tell(State::failed, "create", name + " with " + what + ": " + t.errors[i],
                 "Report what is wrong (config.error, setup.error), with its place in the block.");
          lost = true;
        } else if (!leads_somewhere(block, t.pointers[i])) {
          s.tell(State::note, "create", name + " with " + what + ": reports a problem at " + t.pointers[i] + ", which is nowhere in that block",
                 "People are sent to the place that the pointer names: report missing options at the object that lacks them.");
          lost = true;
        }
      }
      return t.accepted;
    };
    attempt(nullptr, "no block");
    if (!b->spec->scopes) continue;
    const json::value empty = json::object{};
    attempt(&empty, "an empty block");
    if (b->schema) {
      const Blocks blocks = blocks_of(*b->schema, s.backend().url() + "/ok");
      for (const json::value& v : blocks.valid) attempt(&v, "the block " + json::serialize(v).substr(0, 200));
      for (const Blocks::Wrong& w : blocks.invalid)
        if (attempt(&w.block, w.what)) s.tell(State::failed, "create", name + " accepts a block although " + w.what);
    } else {
      std::string odd;
      for (const Blocks::Wrong& w : odd_blocks())
        if (attempt(&w.block, w.what) && !w.block.is_object()) odd += (odd.empty() ? "" : ", ") + json::serialize(w.block);
      if (!odd.empty())
        s.tell(State::note, "create", name + " accepts blocks that are no objects: " + odd, "Check the type of the block, or give the binding a schema.");
    }
    if (s.options().blocks) {
      const json::object* by_name = s.options().blocks->if_object();
      const json::value* own = by_name ? by_name->if_contains(b->name) : nullptr;
      attempt(own ? own : &*s.options().blocks, "the block of --config");
    }
  }
  const spy::Counts c = spy::counts();
  if (c.created != c.destroyed)
    s.tell(State::failed, "create", std::to_string(c.created) + " objects were created, " + std::to_string(c.destroyed) + " destroyed");
  s.tell_violations();
  if (const std::string why = s.choose_blocks(); !why.empty())
    s.tell(State::failed, "create", "no block is known that it accepts:\n" + why,
           "Give one: --config BLOCK.json, the object that stands under the plugin's name in extra_config.");
  else
    s.tell(State::passed, "create",
           std::to_string(tried) + " blocks tried, " +
               (accepted == tried ? "all accepted" : std::to_string(accepted) + " accepted, the others refused with a reason"));
}

void check_end(Session& s) {
  s.unload();
  const spy::Counts c = spy::counts();
  bool wrong = s.tell_violations();
  wrong = s.tell_signals("the plugin, after load(),") || wrong;
  auto balance = [&](uint64_t made, uint64_t gone, const char* what) {
    if (made == gone) return;
    wrong = true;
    s.tell(State::failed, "end", std::to_string(made) + " " + what + " were made, " + std::to_string(gone) + " given back");
  };
  balance(c.created, c.destroyed, "objects");
  balance(c.workers_started, c.workers_stopped, "states of workers");
  // Connections of the check itself end a moment later than the gateway that made them.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
  size_t left;
  while ((left = Session::threads()) > s.threads_at_start() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  if (left > s.threads_at_start()) {
    wrong = true;
    s.tell(State::failed, "end", std::to_string(left - s.threads_at_start()) + " threads of the plugin still run after unload()",
           "End them in destroy(), unwatch() or unload(), and join them: their code may be unmapped.");
  }
  if (!wrong) s.tell(State::passed, "end", std::to_string(c.created) + " objects made and destroyed, " + std::to_string(c.hooks) + " calls, no thread left");
}

}  // namespace sluice::app::check
