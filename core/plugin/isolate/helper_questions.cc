// What the gateway asks of objects in a helper besides hooks: their state, lists of hosts, lines of the log.
#include "core/log/log.h"
#include "core/plugin/handover.h"
#include "core/plugin/isolate/helper_process.h"
#include "core/plugin/isolate/supervisor.h"
#include "core/plugin/services.h"

namespace sluice::plugin::isolate {

// A list of hosts that the gateway waits for. The plugin's handle of the list is this.
struct HelperProcess::Watched {
  uint64_t id = 0;
  HelperObject* object = nullptr;
  void* watch = nullptr;
  std::vector<std::string> hosts;  // views that the plugin may keep
  std::string scheme;
  std::vector<slc_str> views;
  // [any]
  static slc_status publish(slc_host_list* to, const slc_address* list, uint32_t n) noexcept {
    if (n && !list) return SLC_EINVAL;
    if (n > Supervisor::kMostAddresses) return SLC_ELIMIT;
    Message m{Control::publish};
    m->u64(reinterpret_cast<Watched*>(to)->id), m->u32(n);
    for (uint32_t i = 0; i < n; ++i) {
      if (!sane(list[i].url)) return SLC_EINVAL;
      m->text(view(list[i].url)), m->u32(list[i].weight);
    }
    HelperProcess::current()->say(m.take());
    return SLC_OK;
  }
};

void HelperProcess::answer(uint64_t number, slc_status status, std::string_view bytes) {
  Message m{Control::state};
  m->u64(number), m->i32(status), m->text(bytes);
  say(m.take());
}

void HelperProcess::export_state(Reader& r) {
  const uint64_t number = r.u64();
  HelperObject* o = find(r.u64());
  const slc_lifecycle* life = o ? o->object->binding().life : nullptr;
  if (!life || !SLC_HAS(life, slc_lifecycle, export_state)) return answer(number, SLC_ENOTFOUND);
  std::string bytes;
  auto write = [](void* to, slc_str more) noexcept -> slc_status {
    auto& all = *static_cast<std::string*>(to);
    if (!sane(more)) return SLC_EINVAL;
    if (more.len > kMostState - all.size()) return SLC_ELIMIT;
    all += view(more);
    return SLC_OK;
  };
  slc_status status;
  {
    Running running{*static_cast<StatusPage*>(page_.at()), *o, Hook::export_state};
    status = life->export_state(o->object->object(), write, &bytes);
  }
  answer(number, status, bytes);
}

void HelperProcess::import_state(Reader& r) {
  const uint64_t number = r.u64();
  HelperObject* o = find(r.u64());
  std::string_view bytes = r.text();
  const slc_lifecycle* life = o ? o->object->binding().life : nullptr;
  if (!r.at_end() || !life || !SLC_HAS(life, slc_lifecycle, import_state)) return answer(number, SLC_ENOTFOUND);
  slc_status status;
  {
    Running running{*static_cast<StatusPage*>(page_.at()), *o, Hook::import_state};
    status = life->import_state(o->object->object(), str(bytes));
  }
  answer(number, status);
}

void HelperProcess::watch(Reader& r) {
  const uint64_t number = r.u64();
  auto w = std::make_shared<Watched>();
  w->object = find(r.u64());
  w->id = r.u64();
  w->scheme = std::string{r.text()};
  slc_resolver_query q{};
  q.size = sizeof q;
  q.refresh_ms = r.u64();
  for (uint32_t n = r.count(4); n > 0 && r.ok(); --n) w->hosts.emplace_back(r.text());
  if (!r.at_end() || !w->object || !w->object->resolver) return answer(number, SLC_ENOTFOUND);
  for (const std::string& h : w->hosts) w->views.push_back(str(h));
  q.hosts = w->views.data(), q.host_count = static_cast<uint32_t>(w->views.size()), q.scheme = str(w->scheme);
  slc_status status;
  {
    Running running{*static_cast<StatusPage*>(page_.at()), *w->object, Hook::watch};
    status = w->object->resolver->watch(w->object->object->object(), &q, reinterpret_cast<slc_host_list*>(w.get()), Watched::publish, &w->watch);
  }
  if (status != SLC_OK && !number) SLC_LOG(error, "service discovery of ", w->object->object->place().binding, " cannot use its hosts any more");
  if (status == SLC_OK) watched_[w->id] = std::move(w);
  answer(number, status);
}

void HelperProcess::unwatch(uint64_t id) {
  auto it = watched_.find(id);
  if (it == watched_.end()) return;
  HelperObject& o = *it->second->object;
  if (o.resolver->unwatch) {
    PlaceScope place{&o.object->place(), HookKind::unwatch};
    o.resolver->unwatch(o.object->object(), it->second->watch);
  }
  watched_.erase(it);
}

void HelperProcess::unwatch_all(const HelperObject& of) {
  std::vector<uint64_t> its;
  for (const auto& [id, w] : watched_)
    if (w->object == &of) its.push_back(id);
  for (uint64_t id : its) unwatch(id);
}

void HelperProcess::sink_level(Reader& r) {
  const uint64_t number = r.u64();
  HelperObject* o = find(r.u64());
  int32_t level = SLC_DEBUG;
  if (o && o->sink && o->sink->level) {
    Running running{*static_cast<StatusPage*>(page_.at()), *o, Hook::level};
    level = o->sink->level(o->object->object());
  }
  answer(number, level);
}

void HelperProcess::sink_write(Reader& r) {
  HelperObject* o = find(r.u64());
  slc_log_record record{};
  record.size = sizeof record;
  record.level = r.i32(), record.unix_ns = r.number<int64_t>();
  record.message = str(r.text());
  std::string_view place = r.text();
  if (!place.empty()) record.place = str(place);
  if (!r.at_end() || !o || !o->sink) return;
  writing_a_line = true;
  {
    Running running{*static_cast<StatusPage*>(page_.at()), *o, Hook::write};
    o->sink->write(o->object->object(), &record);
  }
  writing_a_line = false;
}

}  // namespace sluice::plugin::isolate
