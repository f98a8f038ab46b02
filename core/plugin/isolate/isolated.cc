#include "core/plugin/isolate/isolated.h"

#include <algorithm>
#include <filesystem>

#include "core/document/write.h"
#include "core/plugin/report.h"

namespace sluice::plugin::isolate {

// The handle that tells create() which binding it is for.
struct Isolated::BindingHost : Host {
  Isolated* plugin;
  uint32_t binding;
  BindingHost(Isolated* p, uint32_t b, std::string id) : Host{std::move(id)}, plugin{p}, binding{b} {}
};

struct Isolated::Object {
  Isolated* plugin;
  uint32_t binding;
  std::shared_ptr<Record> record;
};

struct Isolated::State {
  std::shared_ptr<Channel> channel;
  Target target;
};

const slc_lifecycle Isolated::kLife = [] {
  slc_lifecycle life{};
  life.size = sizeof life;
  life.create = &Isolated::create, life.destroy = &Isolated::destroy;
  life.worker_start = &Isolated::worker_start, life.worker_stop = &Isolated::worker_stop;
  return life;
}();

bool names(const Rule& rule, const Module& module) {
  std::filesystem::path file{module.file()};
  return rule.name == module.entry().id || rule.name == file.filename().string() || rule.name == file.stem().string();
}

std::string refusal(const Module& module) {
  if (module.image_path().empty()) return module.title() + " cannot be isolated: it is part of the program, and not a file.";
  // Hooks behind on_done are of later kinds, which work on pieces of bodies as they pass.
  constexpr size_t kKnown = offsetof(slc_middleware, on_done) + sizeof(slc_middleware::on_done);
  for (const Module::Offer& o : module.offers()) {
    if (std::string_view{o.spec->interface_id} != SLC_IFACE_MIDDLEWARE)
      return module.title() + " cannot be isolated: it serves \"" + o.spec->name + "\" through " + o.spec->interface_id +
             ", whose calls must answer at once, and only " SLC_IFACE_MIDDLEWARE " can wait for another process. Take the name out "
             "of the list, or use a plugin that has the rest in a file of its own.";
    auto* bytes = static_cast<const char*>(o.table);
    size_t size = static_cast<const slc_middleware*>(o.table)->size;
    if (std::any_of(bytes + kKnown, bytes + std::max(size, kKnown), [](char c) { return c != 0; }))
      return module.title() + " cannot be isolated: \"" + o.spec->name + "\" has hooks for bodies that pass in pieces, and those are not handed "
             "to another process. Take the name out of the list.";
  }
  return {};
}

Isolated::Isolated(std::shared_ptr<Module> module, const Rule& rule)
    : module_{std::move(module)}, supervisor_{Supervisor::get()} {
  subject_.id = module_->entry().id;
  subject_.title = module_->title();
  subject_.copy = module_->image_path();
  subject_.limits = {rule.timeout_ms, rule.memory_mb};
  auto counter = [&](const char* name, const char* help) { return metrics::define(subject_.id, name, help, metrics::Kind::counter, {}); };
  subject_.deaths = counter("isolated_helper_deaths_total", "Helper processes of the plugin that died");
  subject_.restarts = counter("isolated_helper_restarts_total", "Helper processes of the plugin that were started again");
  failures_ = counter("isolated_hook_failures_total", "Hooks that failed because there was no helper process to run them");
  uint32_t index = 0;
  for (const Module::Offer& o : module_->offers()) {
    auto* theirs = static_cast<const slc_middleware*>(o.table);
    slc_middleware& t = tables_.emplace_back();
    t.size = sizeof t;
    t.life = &kLife;
    if (theirs->on_request) t.on_request = &call<Hook::request>;
    if (theirs->on_raw_response) t.on_raw_response = &call<Hook::raw_response>;
    if (theirs->on_response) t.on_response = &call<Hook::response>;
    t.on_done = &on_done;  // always: the mirror over there has to go
    hosts_.emplace_back(this, index++, subject_.id);
  }
}

Result<std::shared_ptr<Isolated>, Problem> Isolated::start(std::shared_ptr<Module> module, const Rule& rule) {
  if (std::string why = refusal(*module); !why.empty()) return Problem{why};
  std::shared_ptr<Isolated> plugin{new Isolated{std::move(module), rule}};
  for (uint32_t i = 0; i < rule.helpers; ++i) {
    auto helper = std::make_shared<Helper>(plugin->subject_);
    plugin->helpers_.push_back(helper);
    if (auto up = plugin->supervisor_->start(helper); !up) return up.error();
  }
  return plugin;
}

Isolated::~Isolated() {
  for (auto& h : helpers_) supervisor_->end(h);
}

Isolated::Served Isolated::serve(uint32_t index) const { return {&tables_[index], &kLife, &hosts_[index]}; }

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
  m->u64(record->id), m->u32(of.binding), m->i32(api.scope(report));
  m->text(view(api.place(report))), m->text(report->base);
  m->u8(config.p != nullptr);
  if (config.p) m->text(document::to_json(report->trees->arena, *static_cast<document::Node*>(config.p)));
  record->create = m.take();
  bool wanted = false;
  slc_status status = SLC_OK;
  size_t tried = 0;
  for (; tried < self.helpers_.size() && status == SLC_OK; ++tried)
    status = self.create_in(*self.helpers_[tried], *record, *report, tried == 0, &wanted);
  std::lock_guard lock{self.supervisor_->mutex()};
  if (status == SLC_OK && wanted) {
    self.subject_.records.emplace(record->id, record);
    *object = new Object{&self, of.binding, record};
    return SLC_OK;
  }
  Message gone{Control::destroy};
  gone->u64(record->id);
  std::string frame = gone.take();
  for (size_t i = 0; i < tried; ++i) self.supervisor_->send(*self.helpers_[i], self.helpers_[i]->incarnation, frame);
  return status;
}

// Problems are those of the first helper; another one that refuses what the first made has a reason to be told, too.
slc_status Isolated::create_in(Helper& h, Record& record, slc_report& report, bool first, bool* wanted) {
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
    uint64_t& tree = record.trees[scope];
    if (auto* node = static_cast<document::Node*>(around.p)) {
      uint64_t& known = trees_[node];
      if (!known) {
        std::string bytes;
        Writer w{bytes};
        w.tree(nullptr, *node);
        subject_.trees.push_back(std::make_shared<const std::string>(std::move(bytes)));
        known = subject_.trees.size();
      }
      tree = known;
    }
    // The record is found among the others while the answer is made.
    auto shared = std::shared_ptr<Record>{std::shared_ptr<void>{}, &record};
    subject_.records.emplace(record.id, shared);
    supervisor_->answer_tree(h, record.id, scope);
    subject_.records.erase(record.id);
  }
  h.creating = 0;
  Created answer = std::move(h.answer);
  lock.unlock();
  if (first || answer.status != SLC_OK)
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
  for (auto& h : self.helpers_) self.supervisor_->send(*h, h->incarnation, frame);
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
  s->target.object = o.record->id;
  s->target.plugin = o.plugin->subject_.id;
  s->target.binding = offer.spec->name;
  s->target.has_done = static_cast<const slc_middleware*>(offer.table)->on_done != nullptr;
  s->target.failures = o.plugin->failures_;
  s->channel = o.plugin->channel(*w);
  if (s->channel->users++ == 0) s->channel->open();
  *state = s.release();
  return SLC_OK;
}

void Isolated::worker_stop(void* state) noexcept {
  std::unique_ptr<State> s{static_cast<State*>(state)};
  if (--s->channel->users == 0) s->channel->close();
}

// ---- hooks ----

template <Hook hook>
slc_action Isolated::call(void* state, slc_exchange* x, void** slot) noexcept {
  auto& s = *static_cast<State*>(state);
  return s.channel->call(s.target, hook, *x, slot);
}

void Isolated::on_done(void* state, slc_exchange* x, void** slot) noexcept {
  auto& s = *static_cast<State*>(state);
  s.channel->done(s.target, *x, slot);
}

}  // namespace sluice::plugin::isolate
