#include "core/pipeline/selection.h"

#include <boost/json/value.hpp>

#include "core/plugin/exchange.h"
#include "core/plugin/load_watch.h"
#include "core/plugin/worker.h"

// What choose() fills.
struct slc_selection {
  static constexpr size_t kMost = 64;
  const sluice::config::Block* block;
  std::vector<sluice::pipeline::Choice> choices;
  bool refused = false;
};

namespace sluice::pipeline {
namespace {

const boost::json::value kNoOptions(boost::json::object_kind);  // braces would make a list

// The choice's part of the selector's block. The constructor of a binding that is named without options gets an empty block at
// the selector's place, so that what it misses is told there.
void read_options(const config::Block& from, std::string_view pointer, config::Block& to) {
  to.value = &kNoOptions;
  to.pointer = from.pointer;
  if (!from.value || pointer.empty()) return;
  boost::system::error_code ec;
  const boost::json::value* part = from.value->find_pointer(pointer, ec);
  if (ec || !part) return;
  to.value = part;
  to.pointer += pointer;
}

slc_status choose(slc_selection* s, const slc_choice* c) noexcept {
  if (s->choices.size() == slc_selection::kMost) {
    s->refused = true;
    return SLC_ELIMIT;
  }
  Choice choice;
  choice.block.name = plugin::view(c->name);
  choice.interface_id = plugin::view(c->interface_id);
  choice.flags = c->flags;
  read_options(*s->block, plugin::view(c->options), choice.block);
  s->choices.push_back(std::move(choice));
  return SLC_OK;
}

}  // namespace

std::vector<Choice> choices_of(const plugin::Binding& selector, const plugin::Object& object, const config::Block& block,
                               config::Report& report) {
  slc_selection selection{&block, {}, false};
  slc_status status;
  {
    plugin::LoadStep step = plugin::step_of(object, plugin::HookKind::select);
    step.pointer = block.pointer, step.block = block.value;
    const plugin::LoadStepScope told{step};
    if (!told.allowed()) return {};
    plugin::PlaceScope scope{&object.place(), plugin::HookKind::select};
    status = plugin::table<slc_selector>(selector)->select(object.object(), &selection, choose);
  }
  if (status != SLC_OK) report.error(block.pointer, "plugin " + selector.plugin_id + " cannot tell what \"" + selector.name + "\" stands for");
  if (selection.refused) report.error(block.pointer, "names more than 64 plugins");
  return std::move(selection.choices);
}

bool fits(const plugin::Binding& b, const Choice& choice) {
  if (!choice.interface_id.empty()) return b.interface_id == choice.interface_id;
  return b.interface_id == SLC_IFACE_MIDDLEWARE || b.interface_id == SLC_IFACE_AROUND;
}

bool looks_at_answers_only(const plugin::Binding& b) {
  if (b.interface_id != SLC_IFACE_MIDDLEWARE) return false;
  const auto* m = plugin::table<slc_middleware>(b);
  return !m->on_request && !SLC_HAS(m, slc_middleware, on_request_chunk);
}

}  // namespace sluice::pipeline
