#include <set>

#include "core/log/log.h"
#include "core/plugin/handover.h"
#include "core/plugin/load_watch.h"
#include "core/plugin/module.h"
#include "core/plugin/report.h"
#include "core/plugin/token_table.h"
#include "core/plugin/work.h"

namespace sluice::plugin {
namespace {

std::string_view status_name(slc_status s) {
  switch (s) {
    case SLC_OK: return "SLC_OK";
    case SLC_EINVAL: return "SLC_EINVAL";
    case SLC_ENOTFOUND: return "SLC_ENOTFOUND";
    case SLC_ENOMEM: return "SLC_ENOMEM";
    case SLC_ESTALE: return "SLC_ESTALE";
    case SLC_ETHREAD: return "SLC_ETHREAD";
    case SLC_ELIMIT: return "SLC_ELIMIT";
    case SLC_EIO: return "SLC_EIO";
    case SLC_ETIMEOUT: return "SLC_ETIMEOUT";
    case SLC_ECANCELED: return "SLC_ECANCELED";
    case SLC_EREFUSED: return "SLC_EREFUSED";
    case SLC_EDECODE: return "SLC_EDECODE";
    case SLC_EBACKEND: return "SLC_EBACKEND";
    default: return "an unknown status";
  }
}

std::string by(const Binding& b) { return " (plugin " + b.plugin_id + " " + b.plugin_version + ")"; }

// No two endpoints have the same label; the factory numbers what is alike within one.
std::string key_of(const Binding& binding, const Context& context) {
  return binding.plugin_id + "|" + binding.name + "|" + std::to_string(context.scope) + "|" + context.where + "|" + context.endpoint_label;
}

}  // namespace

LoadStep step_of(const Object& o, HookKind hook) {
  const Binding& b = o.binding();
  LoadStep step;
  if (b.isolated || !b.module) return step;
  step.hook = hook;
  step.file = b.module->file(), step.build = b.module->fingerprint();
  step.plugin = b.plugin_id, step.version = b.plugin_version;
  step.binding = b.name, step.kind = b.interface_id, step.where = o.place().where;
  return step;
}

Object::~Object() {
  WorkPool::get().end_all_of(&place_);
  if (!object_ || !binding_->life || !binding_->life->destroy) return;
  const LoadStepScope told{step_of(*this, HookKind::destroy)};
  PlaceScope scope{&place_, HookKind::destroy};
  binding_->life->destroy(object_);
}

Result<bool, Problem> Object::start(slc_worker& w) {
  enter_worker(w);
  if (states_.empty()) return true;
  PlaceScope scope{&place_, HookKind::worker_start};
  slc_status status = binding_->life->worker_start(object_, &w, &states_[w.index]);
  if (status == SLC_OK) {
    started_[w.index] = 1;
    return true;
  }
  states_[w.index] = nullptr;
  count_error(place_, HookKind::worker_start, w);
  return Problem{where_ + "[" + binding_->name + "]: cannot start on worker " + std::to_string(w.index) + ": " +
                 std::string{status_name(status)} + by(*binding_)};
}

void Object::stop(slc_worker& w) {
  w.tokens->cancel_of(&place_, true);  // before the state that they may use is gone
  if (!states_.empty() && started_[w.index]) {
    PlaceScope scope{&place_, HookKind::worker_stop};
    binding_->life->worker_stop(states_[w.index]);
    states_[w.index] = nullptr, started_[w.index] = 0;
  }
  if (uint32_t n = w.tokens->cancel_of(&place_))
    SLC_LOG(warning, where_, "[", binding_->name, "] left ", n, " timers or callouts behind when it stopped; they are cancelled",
            by(*binding_));
}

struct ObjectFactory::Impl {
  uint32_t workers;
  config::Report& report;
  const Places* before;
  std::shared_ptr<Trees> trees = std::make_shared<Trees>();
  std::map<std::string, uint32_t> keys{};  // how often a place was seen
  std::set<std::string> told{};            // places of which something was said: a block may be made more than once
  bool checks_keys = true;

  // An option that is misspelt is one that is off, which nobody notices until it is needed.
  void check_keys(const Binding& binding, const config::Block& block) {
    const bool protects = must_not_fail_open(block.name) || must_not_fail_open(binding.name);
    for (UnknownKey& k : binding.schema->unknown_keys(*block.value, block.pointer)) {
      if (!told.insert(k.pointer).second) continue;
      if (protects && !k.hint.empty())
        report.error(std::move(k.pointer), "unknown key" + k.hint + "; a misspelt option must not switch a check off" + by(binding));
      else
        report.warning(std::move(k.pointer), "unknown key, ignored" + k.hint + by(binding));
    }
  }
};

ObjectFactory::ObjectFactory(const Registry&, uint32_t workers, config::Report& report, const Places* before)
    : impl_{new Impl{workers, report, before}} {}
ObjectFactory::~ObjectFactory() = default;

void ObjectFactory::keys_are_checked() { impl_->checks_keys = false; }

std::shared_ptr<Object> ObjectFactory::make(const Binding& binding, const config::Block* block, const Context& context) {
  std::string pointer = block ? block->pointer : std::string{};
  const boost::json::value* value = block ? block->value : nullptr;
  if (binding.schema && value) {
    auto violations = binding.schema->check(*value, pointer);
    for (Violation& v : violations) {
      impl_->told.insert(v.pointer);  // a schema may forbid unknown keys itself
      impl_->report.error(std::move(v.pointer), v.message + by(binding));
    }
    if (impl_->checks_keys) impl_->check_keys(binding, *block);
    if (!violations.empty()) return nullptr;  // create() may rely on what its schema promises
  }

  auto object = std::make_shared<Object>();
  object->binding_ = &binding;
  object->where_ = context.where;
  object->account_ = cost::find_or_make({binding.plugin_id, binding.plugin_version, binding.name, binding.interface_id},
                                        context.place.empty() ? context.where : context.place, impl_->workers);
  object->place_ = {binding.plugin_id, binding.name, object->where_, binding.plugin_version, object->account_.get(),
                    binding.module ? &binding.module->place() : nullptr};
  object->key_ = key_of(binding, context);
  if (uint32_t n = ++impl_->keys[object->key_]; n > 1) object->key_ += " #" + std::to_string(n);
  object->keep_ = impl_->trees;
  const slc_lifecycle* life = binding.life;
  if (!life) return object;

  if (life->create) {
    slc_node tree = value ? handle(impl_->trees->document_of(*value), nullptr) : slc_node{nullptr, 0};
    slc_report report;
    report.context = &context;
    report.trees = impl_->trees.get();
    report.base = pointer;
    slc_status status;
    LoadStep step = step_of(*object, HookKind::create);
    step.pointer = pointer, step.block = value, step.scope = context.scope;
    {
      const LoadStepScope told{step};
      if (!told.allowed()) return nullptr;
      PlaceScope scope{&object->place_, HookKind::create};
      status = life->create(binding.host, tree, &report, &object->object_);
    }
    for (config::Issue& issue : report.issues) {
      issue.message += by(binding);
      impl_->report.add(std::move(issue));
    }
    if (status != SLC_OK && !report.failed)
      impl_->report.error(pointer, "refused without a reason: " + std::string{status_name(status)} + by(binding));
    if (status != SLC_OK || report.failed || !object->object_) return nullptr;  // a left-over object is destroyed
  }
  if (impl_->before)
    if (const Object* from = impl_->before->find(object->key_)) hand_over(*from, *object);
  if (life->worker_start) {
    object->states_.resize(impl_->workers);
    object->started_.resize(impl_->workers);
  }
  return object;
}

}  // namespace sluice::plugin
