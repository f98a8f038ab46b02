#include "core/pipeline/steps.h"

#include <algorithm>

#include "core/pipeline/plan.h"

namespace sluice::pipeline {

using plugin::HookKind;

namespace {

Step::Function way_out(const Hook& h) { return h.middleware ? h.middleware->on_response : nullptr; }
Step::Last last_of(const Hook& h) { return h.middleware ? h.middleware->on_done : h.around->on_done; }

}  // namespace

void Chain::arrange() {
  std::stable_sort(hooks.begin(), hooks.end(), [](const Hook& a, const Hook& b) { return a.stage < b.stage; });
  std::vector<size_t> places;
  for (size_t i = 0; i < hooks.size(); ++i)
    if (hooks[i].rank != UINT32_MAX) places.push_back(i);
  std::vector<Hook> ranked;
  for (size_t i : places) ranked.push_back(std::move(hooks[i]));
  std::stable_sort(ranked.begin(), ranked.end(), [](const Hook& a, const Hook& b) { return a.rank < b.rank; });
  for (size_t i = 0; i < places.size(); ++i) hooks[places[i]] = std::move(ranked[i]);

  way_out.clear();
  for (uint32_t end = size(); end > 0;) {
    uint32_t begin = end - 1;
    while (hooks[begin].group && begin > 0 && hooks[begin - 1].group == hooks[begin].group) --begin;
    const auto first = static_cast<std::ptrdiff_t>(way_out.size());
    for (uint32_t i = begin; i < end; ++i) way_out.push_back(i);
    std::sort(way_out.begin() + first, way_out.end(), [this](uint32_t a, uint32_t b) { return hooks[a].position < hooks[b].position; });
    end = begin;
  }
}

Steps::Steps(const Chain& chain, const slc_worker& worker) {
  const uint32_t n = chain.size();
  size_t size = 0;
  for (const Hook& h : chain.hooks) size += (h.around || h.middleware->on_request) + (way_out(h) != nullptr) + (last_of(h) != nullptr);
  all_ = std::make_unique<Step[]>(size);
  // In the order of calling, as are the cells.
  plugin::cost::CellRow row{new plugin::cost::Cell[size]};
  uint32_t used = 0;
  auto add = [&](uint32_t i, HookKind kind) -> Step& {
    const plugin::Object& object = *chain.hooks[i].object;
    plugin::cost::Account* account = object.place().account;
    Step& s = all_[used];
    s.state = object.state(worker);
    s.site.place = &object.place();
    s.site.running = plugin::HookState::pack(kind, account);
    s.site.cell = account ? account->cell(worker.index, kind, row, used) : nullptr;
    counted_ = counted_ && s.site.cell;
    s.index = i;
    ++used;
    return s;
  };
  for (uint32_t i = 0; i < n; ++i) {
    const Hook& h = chain.hooks[i];
    if (h.around)
      add(i, HookKind::on_call);
    else if (h.middleware->on_request)
      add(i, HookKind::on_request).hook = h.middleware->on_request;
  }
  in_ = used;
  for (uint32_t i : chain.way_out)
    if (Step::Function hook = way_out(chain.hooks[i])) add(i, HookKind::on_response).hook = hook;
  out_ = used - in_;
  for (uint32_t i = n; i-- > 0;)
    if (Step::Last last = last_of(chain.hooks[i])) add(i, HookKind::on_done).last = last;
  done_ = used - in_ - out_;
}

}  // namespace sluice::pipeline
