#include "core/plugin/isolate/isolated.h"

#include <algorithm>
#include <filesystem>

#include "core/document/write.h"
#include "core/plugin/isolate/isolated_parts.h"
#include "core/plugin/report.h"

namespace sluice::plugin::isolate {
namespace {

// All that live, for generations that want the same.
struct Known {
  std::mutex mutex;
  std::vector<std::weak_ptr<Isolated>> all;
};
Known& known() {
  static auto* k = new Known;
  return *k;
}

}  // namespace

Isolated::Isolated(std::shared_ptr<Module> module, const Rule& rule)
    : module_{std::move(module)}, supervisor_{Supervisor::get()} {
  subject_.id = module_->entry().id;
  subject_.title = module_->title();
  subject_.copy = module_->image_path();
  subject_.limits = {rule.timeout_ms, rule.memory_mb};
  auto counter = [&](const char* name, const char* help) { return metrics::define(subject_.id, name, help, metrics::Kind::counter, {}); };
  subject_.deaths = counter("isolated_helper_deaths_total", "Helper processes of the plugin that died");
  subject_.restarts = counter("isolated_helper_restarts_total", "Helper processes of the plugin that were started again");
  subject_.lines_dropped = counter("isolated_log_lines_dropped_total", "Lines that the plugin's log sink was too slow for");
  failures_ = counter("isolated_hook_failures_total", "Hooks that failed because there was no helper process to run them");
  uint32_t index = 0;
  for (const Module::Offer& o : module_->offers()) serve(o, index++);
}

Result<std::shared_ptr<Isolated>, Problem> Isolated::start(std::shared_ptr<Module> module, const Rule& rule) {
  if (std::string why = refusal(*module); !why.empty()) return Problem{why};
  Known& k = known();
  std::vector<std::shared_ptr<Isolated>> others;  // let go of without the lock: the last one to do so ends helpers
  {
    std::lock_guard lock{k.mutex};
    std::erase_if(k.all, [](const auto& p) { return p.expired(); });
    for (auto it = k.all.rbegin(); it != k.all.rend(); ++it)
      if (auto p = it->lock()) others.push_back(std::move(p));
  }
  for (auto& p : others)
    if (p->usable(*module, rule)) {
      p->next_generation();
      return p;
    }
  std::shared_ptr<Isolated> plugin{new Isolated{std::move(module), rule}};
  for (uint32_t i = 0; i < rule.helpers; ++i) {
    auto helper = std::make_shared<Helper>(plugin->subject_);
    plugin->helpers_.push_back(helper);
    if (auto up = plugin->supervisor_->start(helper); !up) return up.error();
  }
  plugin->next_generation();
  std::lock_guard lock{k.mutex};
  k.all.push_back(plugin);
  return plugin;
}

Isolated::~Isolated() {
  made();
  for (auto& h : helpers_) supervisor_->end(h);
}

// Helpers that die again and again are no place to begin in: new ones may do better, and if not, that is told now.
bool Isolated::usable(const Module& module, const Rule& rule) const {
  if (module_.get() != &module || subject_.limits.timeout_ms != rule.timeout_ms || subject_.limits.memory_mb != rule.memory_mb ||
      helpers_.size() != rule.helpers)
    return false;
  std::lock_guard lock{supervisor_->mutex()};
  return std::all_of(helpers_.begin(), helpers_.end(), [](const auto& h) { return h->state == HelperState::up && h->kill_reason.empty(); });
}

void Isolated::next_generation() {
  ++generation_;
  trees_.clear();  // nodes of another generation, whose places may be taken by ours
}

void Isolated::made() {
  if (auto p = std::exchange(probe_, nullptr)) supervisor_->end(p);
}

// ---- objects ----

slc_status Isolated::create(const slc_host* host, slc_node config, slc_report* report, void** object) noexcept {
  auto& of = static_cast<const BindingHost&>(*host);
  Isolated& self = *of.plugin;
  *object = nullptr;
  auto record = std::make_shared<Record>();
  record->id = ++self.objects_;
  const slc_config_api& api = kConfigService;
  record->place = std::string{view(api.place(report))} + "[" + self.module_->offers()[of.binding].spec->name + "]";
  Message m{Control::create};
  std::string block = config.p ? document::to_json(report->trees->arena, *static_cast<document::Node*>(config.p)) : std::string{};
  m->u64(record->id), m->u64(self.generation_), m->u32(of.binding), m->i32(api.scope(report));
  m->text(view(api.place(report))), m->text(report->context->place), m->text(report->base);
  m->u8(config.p != nullptr);
  if (config.p) m->text(block);
  record->create = m.take();
  record->content = std::to_string(of.binding) + '|' + std::to_string(api.scope(report)) + '|' + record->place + '|' + block;
  bool wanted = false;
  slc_status status = SLC_OK;
  size_t tried = 0;
  if (self.generation_ > 1) status = self.try_out(*record, *report, &wanted);
  for (; tried < self.helpers_.size() && status == SLC_OK; ++tried)
    status = self.create_in(*self.helpers_[tried], *record, *report, tried == 0, &wanted);
  std::lock_guard lock{self.supervisor_->mutex()};
  if (status == SLC_OK && wanted) {
    self.subject_.records.emplace(record->id, record);
    self.contents_.insert(record->content);
    *object = new Object{&self, of.binding, record};
    return SLC_OK;
  }
  Message gone{Control::destroy};
  gone->u64(record->id);
  std::string frame = gone.take();
  for (size_t i = 0; i < tried; ++i) self.supervisor_->send(*self.helpers_[i], self.helpers_[i]->incarnation, frame);
  self.supervisor_->drop_trees(*record, *self.subject_.trees, self.helpers_);
  return status;
}

// Requests are served in the helpers: a block that they have not made before could end them. Only its failure is told; the
// warnings come once more when it is made in earnest.
slc_status Isolated::try_out(Record& record, slc_report& report, bool* wanted) {
  bool fresh;
  {
    std::lock_guard lock{supervisor_->mutex()};
    if (contents_.contains(record.content)) return SLC_OK;
    fresh = !probe_ || probe_->state != HelperState::up;
  }
  if (fresh) {
    made();
    probe_subject_ = subject_of_probe(subject_);
    probe_ = std::make_shared<Helper>(probe_subject_);
    probe_->probe = true;
    if (auto up = supervisor_->start(probe_); !up) {
      probe_ = nullptr;
      kConfigService.error(&report, {}, str(up.error().message));
      return SLC_EIO;
    }
  }
  slc_report tried;
  tried.context = report.context, tried.trees = report.trees, tried.base = report.base;
  slc_status status = create_in(*probe_, record, tried, true, wanted);
  if (status != SLC_OK || tried.failed) {
    report.failed = report.failed || tried.failed;
    for (config::Issue& issue : tried.issues) report.issues.push_back(std::move(issue));
    if (status == SLC_OK) status = SLC_EINVAL;
  }
  return status;
}

// Problems are those of the first helper; another one that refuses what the first made has a reason to be told, too.
slc_status Isolated::create_in(Helper& h, Record& record, slc_report& report, bool tell, bool* wanted) {
  const slc_config_api& api = kConfigService;
  auto died = [&] {
    std::string text = "the helper process of the isolated plugin died in create(): " + h.last_death;
    api.error(&report, {}, str(text));
    return SLC_EIO;
  };
  std::unique_lock lock{supervisor_->mutex()};
  auto ready = [&] { return h.state == HelperState::up; };
  auto limit = std::chrono::milliseconds{Supervisor::kStartLimitMs};
  if (!supervisor_->changed().wait_for(lock, limit, ready)) {
    api.error(&report, {}, str("the helper process of the isolated plugin does not come up: " + h.last_death));
    return SLC_ETIMEOUT;
  }
  uint64_t incarnation = h.incarnation;
  h.answer = {};
  h.asked_scope = 0;
  h.creating = record.id;
  supervisor_->send(h, incarnation, record.create);
  auto told = [&] { return h.answer.done || h.asked_scope || h.incarnation != incarnation || h.creating != record.id; };
  for (;;) {
    if (!supervisor_->changed().wait_for(lock, limit, told)) {
      supervisor_->kill(h, incarnation, "create() did not return within " + std::to_string(Supervisor::kStartLimitMs / 1000) + " s and the process was killed");
      supervisor_->changed().wait_for(lock, limit, [&] { return h.creating != record.id; });
      return died();
    }
    if (h.answer.done) break;
    if (h.incarnation != incarnation || h.creating != record.id) return died();
    int32_t scope = std::exchange(h.asked_scope, 0);
    slc_node around = api.surrounding(&report, scope);
    auto [tree, fresh] = record.trees.try_emplace(scope, 0);
    if (auto* node = static_cast<document::Node*>(around.p); node && fresh) {
      auto [known, first] = trees_.try_emplace(node, 0);
      // Sent by number where the bank still has it: a record that was refused may have been the only one to need it.
      if (first || !subject_.trees->keep(known->second)) {
        std::string bytes;
        Writer w{bytes};
        w.tree(nullptr, *node);
        known->second = subject_.trees->take(std::move(bytes));
      }
      tree->second = known->second;
    }
    // The record is found among the others while the answer is made.
    auto shared = std::shared_ptr<Record>{std::shared_ptr<void>{}, &record};
    h.subject->records.emplace(record.id, shared);
    supervisor_->answer_tree(h, record.id, scope);
    h.subject->records.erase(record.id);
  }
  h.creating = 0;
  h.sync_ms = std::max(h.sync_ms, shared::now_ns() / 1'000'000);
  Created answer = std::move(h.answer);
  lock.unlock();
  if (tell || answer.status != SLC_OK)
    for (config::Issue& issue : answer.issues) {
      if (report.issues.size() >= slc_report::kMost) break;
      report.failed = report.failed || issue.severity == config::Issue::Severity::error;
      report.issues.push_back(std::move(issue));
    }
  *wanted = answer.wanted;
  return answer.status;
}

void Isolated::destroy(void* object) noexcept {
  std::unique_ptr<Object> o{static_cast<Object*>(object)};
  Isolated& self = *o->plugin;
  Message m{Control::destroy};
  m->u64(o->record->id);
  std::string frame = m.take();
  std::lock_guard lock{self.supervisor_->mutex()};
  self.subject_.records.erase(o->record->id);
  self.contents_.erase(self.contents_.find(o->record->content));
  for (auto& h : self.helpers_) {
    self.supervisor_->take_lines(*h, true);  // those of this object come before its end
    self.supervisor_->send(*h, h->incarnation, frame);
  }
  self.supervisor_->drop_trees(*o->record, *self.subject_.trees, self.helpers_);
}

std::shared_ptr<Channel> Isolated::channel(slc_worker& w) {
  std::lock_guard lock{mutex_};
  auto& c = channels_[&w];
  if (!c) c = std::make_shared<Channel>(supervisor_, helpers_[w.index % helpers_.size()], w);
  return c;
}

slc_status Isolated::worker_start(void* object, slc_worker* w, void** state) noexcept {
  auto& o = *static_cast<Object*>(object);
  auto s = std::make_unique<State>();
  const Module::Offer& offer = o.plugin->module_->offers()[o.binding];
  const std::string_view kind = offer.spec->interface_id;
  *state = s.get();
  if (!o.started.exchange(true)) {
    std::string frame = start_of(*o.record);
    std::lock_guard lock{o.plugin->supervisor_->mutex()};
    o.record->started = true;
    for (auto& h : o.plugin->helpers_) o.plugin->supervisor_->send(*h, h->incarnation, frame);
  }
  if (kind == SLC_IFACE_RESOLVER || kind == SLC_IFACE_LOG_SINK) {  // no request waits for them
    s.release();
    return SLC_OK;
  }
  s->target.object = o.record->id;
  s->target.plugin = o.plugin->subject_.id;
  s->target.binding = offer.spec->name;
  s->target.has_done = kind == SLC_IFACE_TRANSPORT || (kind == SLC_IFACE_MIDDLEWARE && static_cast<const slc_middleware*>(offer.table)->on_done) ||
                       (kind == SLC_IFACE_AROUND && static_cast<const slc_around*>(offer.table)->on_done);
  s->target.account = current_place ? current_place->account : nullptr;  // Object::start runs us; it outlives the state
  s->target.failures = o.plugin->failures_;
  s->channel = o.plugin->channel(*w);
  if (s->channel->users++ == 0) s->channel->open();
  s.release();
  return SLC_OK;
}

void Isolated::worker_stop(void* state) noexcept {
  std::unique_ptr<State> s{static_cast<State*>(state)};
  if (s->channel && --s->channel->users == 0) s->channel->close();
}

// ---- state at a reload ----

StateAnswer Isolated::ask(Helper& h, Control what, uint64_t object, const std::string& more) {
  std::unique_lock lock{supervisor_->mutex()};
  auto limit = std::chrono::milliseconds{Supervisor::kStartLimitMs};
  if (h.state != HelperState::up) return {};  // one that is being started again has lost what we ask for
  const uint64_t incarnation = h.incarnation, number = ++h.questions;
  h.state_answer = {};
  h.state_answer.number = number;
  Message m{what};
  m->u64(number), m->u64(object);
  supervisor_->send(h, incarnation, m.take(more));
  // A helper that does not answer is killed by its time limit, or dies; then it is another one.
  supervisor_->changed().wait_for(lock, limit, [&] { return h.state_answer.done || h.incarnation != incarnation || h.pid <= 0; });
  StateAnswer answer = std::move(h.state_answer);
  h.state_answer = {};
  return answer.done ? std::move(answer) : StateAnswer{};
}

// One helper: the plugin's own bytes, which an object that is not isolated understands as well. Several have a state each, and
// helper n of the new generation continues that of helper n.
slc_status Isolated::export_state(void* object, slc_status (*write)(void*, slc_str) noexcept, void* to) noexcept {
  auto& o = *static_cast<Object*>(object);
  Isolated& self = *o.plugin;
  std::string all{kStates};
  for (auto& h : self.helpers_) {
    StateAnswer a = self.ask(*h, Control::export_state, o.record->id);
    if (a.status != SLC_OK) return a.status;
    if (self.helpers_.size() == 1) return write(to, str(a.bytes));
    Writer{all}.text(a.bytes);
  }
  return write(to, str(all));
}

slc_status Isolated::import_state(void* object, slc_str bytes) noexcept {
  auto& o = *static_cast<Object*>(object);
  Isolated& self = *o.plugin;
  std::string_view text = view(bytes);
  std::vector<std::string_view> states;
  if (text.starts_with(kStates)) {
    Reader r{text.substr(kStates.size())};
    while (r.ok() && !r.at_end()) states.push_back(r.text());
    if (!r.ok()) return SLC_EINVAL;
  } else {
    states.assign(self.helpers_.size(), text);
  }
  slc_status status = SLC_OK;
  for (size_t i = 0; i < self.helpers_.size() && i < states.size(); ++i) {
    std::string more;
    Writer{more}.text(states[i]);
    if (slc_status s = self.ask(*self.helpers_[i], Control::import_state, o.record->id, more).status; s != SLC_OK) status = s;
  }
  return status;
}

}  // namespace sluice::plugin::isolate
