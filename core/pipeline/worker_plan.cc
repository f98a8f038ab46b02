#include "core/pipeline/plan.h"

#include "core/plugin/load_watch.h"

namespace sluice::pipeline {

Generation::Generation() = default;

Generation::~Generation() {
  for (BackendPlan* b : backends)
    if (b->resolver && b->watch && b->resolver->unwatch) {
      const plugin::LoadStepScope told{b->resolver_object ? plugin::step_of(*b->resolver_object, plugin::HookKind::unwatch) : plugin::LoadStep{}};
      plugin::PlaceScope place{b->resolver_object ? &b->resolver_object->place() : nullptr, plugin::HookKind::unwatch};
      b->resolver->unwatch(b->resolver_object ? b->resolver_object->object() : nullptr, b->watch);
    }
}

WorkerPlan::WorkerPlan(std::shared_ptr<Generation> g, slc_worker& w)
    : generation_{std::move(g)}, worker_{w}, slots_(generation_->backends.size()), steps_(generation_->chains) {}

Result<bool, Problem> WorkerPlan::start() {
  auto& objects = generation_->objects;
  for (size_t i = 0; i < objects.size(); ++i) {
    auto started = objects[i]->start(worker_);
    if (started) continue;
    while (i-- > 0) objects[i]->stop(worker_);
    return started.error();
  }
  return true;
}

void WorkerPlan::stop() {
  for (Slot& s : slots_)
    if (s.hosts) {
      s.hosts->replaced = true;
      if (s.hosts->calls == 0) delete s.hosts;
      s.hosts = nullptr;
    }
  for (auto i = generation_->objects.size(); i-- > 0;) generation_->objects[i]->stop(worker_);
}

WorkerHosts* WorkerPlan::get(const BackendPlan& b) {
  Slot& s = slots_[b.id];
  if (uint64_t version = b.hosts->version(); version != s.version) [[unlikely]] {
    if (s.hosts) {
      s.hosts->replaced = true;
      if (s.hosts->calls == 0) delete s.hosts;
    }
    s.hosts = new WorkerHosts;
    s.hosts->list = b.hosts->current();
    for (const Host& h : s.hosts->list->hosts)
      s.hosts->candidates.push_back({{h.url.data(), h.url.size()}, h.weight, 0, 0});
    s.version = version;
  }
  ++s.hosts->calls;
  return s.hosts;
}

const Steps& WorkerPlan::make_steps(const Chain& chain) {
  return *(steps_[chain.id] = std::make_unique<const Steps>(chain, worker_));
}

void WorkerPlan::put(WorkerHosts* h) {
  if (--h->calls == 0 && h->replaced) delete h;
}

}  // namespace sluice::pipeline
