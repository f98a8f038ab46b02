#include "core/plugin/isolate/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/log/log.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/isolate/channel.h"
#include "core/plugin/isolate/message.h"
#include "core/plugin/isolate/process.h"
#include "core/plugin/shared.h"

namespace sluice::plugin::isolate {
namespace {

uint64_t now_ms() { return shared::now_ns() / 1'000'000; }

int level_now() {
  for (int l = SLC_DEBUG; l <= SLC_CRITICAL; ++l)
    if (log::enabled(static_cast<log::Level>(l))) return l;
  return SLC_CRITICAL + 1;
}

struct OfProcess {
  std::mutex mutex;
  std::weak_ptr<Supervisor> supervisor;
};
OfProcess& of_process() {
  static auto* o = new OfProcess;
  return *o;
}

}  // namespace

std::string start_of(const Record& r) {
  Message m{Control::start};
  m->u64(r.id);
  return m.take();
}

uint64_t TreeBank::take(std::string bytes) {
  auto [it, fresh] = numbers_.try_emplace(std::move(bytes), 0);
  if (fresh) {
    it->second = ++last_;
    trees_.emplace(it->second, Tree{&it->first, 0});
  }
  ++trees_.at(it->second).users;
  return it->second;
}

bool TreeBank::keep(uint64_t number) {
  auto it = trees_.find(number);
  if (it == trees_.end()) return false;
  ++it->second.users;
  return true;
}

bool TreeBank::drop(uint64_t number) {
  auto it = trees_.find(number);
  if (it == trees_.end() || --it->second.users) return false;
  numbers_.erase(numbers_.find(*it->second.bytes));
  trees_.erase(it);
  return true;
}

std::shared_ptr<Supervisor> Supervisor::get() {
  OfProcess& known = of_process();
  std::lock_guard lock{known.mutex};
  auto s = known.supervisor.lock();
  if (!s) known.supervisor = s = std::make_shared<Supervisor>();
  return s;
}

std::shared_ptr<Supervisor> Supervisor::existing() {
  OfProcess& known = of_process();
  std::lock_guard lock{known.mutex};
  return known.supervisor.lock();
}

Supervisor::Supervisor() : wake_{Fd::event()} {
  metrics::attach(&shard_);
  thread_ = std::thread{[this] { run(); }};
}

Supervisor::~Supervisor() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  ring_bell(wake_.get());
  thread_.join();
  metrics::detach(&shard_);
}

Result<bool, Problem> Supervisor::start(const std::shared_ptr<Helper>& h) {
  std::unique_lock lock{mutex_};
  helpers_.push_back(h);
  h->state = HelperState::pausing;
  h->due_ms = 0;
  ring_bell(wake_.get());
  changed_.wait(lock, [&] { return h->state == HelperState::up || h->state == HelperState::refused; });
  if (h->state == HelperState::up) return true;
  std::erase(helpers_, h);
  return Problem{h->refusal};
}

void Supervisor::end(const std::shared_ptr<Helper>& h) {
  std::unique_lock lock{mutex_};
  if (std::find(helpers_.begin(), helpers_.end(), h) == helpers_.end()) return;
  if (h->pid > 0) {
    h->state = HelperState::ending;
    h->due_ms = now_ms() + kEndLimitMs;
    ring_bell(wake_.get());
    changed_.wait(lock, [&] { return h->pid <= 0; });
  }
  h->state = HelperState::ended;
  std::erase(helpers_, h);
}

void Supervisor::send(Helper& h, uint64_t incarnation, std::string frame, std::vector<Fd> descriptors) {
  if (incarnation != h.incarnation || h.pid <= 0) return;
  h.output.add(std::move(frame), std::move(descriptors));
  ring_bell(wake_.get());
}

void Supervisor::kill(Helper& h, uint64_t incarnation, std::string why) {
  if (incarnation != h.incarnation || h.pid <= 0 || !h.kill_reason.empty()) return;
  h.kill_reason = std::move(why);
  ::kill(h.pid, SIGKILL);
}

void Supervisor::send_line(Helper& h, std::string_view frame) {
  {
    std::lock_guard lock{h.lines_mutex};
    if (h.lines.size() + frame.size() > kMostLines) {
      ++h.lines_dropped;
      return;
    }
    h.lines += frame;
  }
  ring_bell(wake_.get());
}

// A helper that is slow to read finds no more than one such piece, unless everything has to be said now.
void Supervisor::take_lines(Helper& h, bool all) {
  if (h.state != HelperState::up && h.state != HelperState::ending) return;
  std::lock_guard lock{h.lines_mutex};
  if (h.lines.empty() || (!all && !h.output.empty())) return;
  h.output.add(std::move(h.lines));
  h.lines = {};
  if (uint64_t n = std::exchange(h.lines_dropped, 0)) shard_.add(h.subject->lines_dropped, static_cast<int64_t>(n));
}

void Supervisor::drop_trees(const Record& record, TreeBank& bank, const std::vector<std::shared_ptr<Helper>>& helpers) {
  for (auto [scope, number] : record.trees) {
    if (!number || !bank.drop(number)) continue;
    for (const auto& h : helpers) {
      if (!h->sent_trees.erase(number)) continue;
      Message m{Control::forget_tree};
      m->u64(number);
      send(*h, h->incarnation, m.take());
    }
  }
}

// ---- the thread ----

void Supervisor::run() {
  std::unique_lock lock{mutex_};
  std::vector<pollfd> polled;
  while (!stopping_) {
    polled.assign(1, {wake_.get(), POLLIN, 0});
    for (auto& h : helpers_) {
      if (h->control) polled.push_back({h->control.get(), static_cast<short>(POLLIN | (h->output.empty() ? 0 : POLLOUT)), 0});
      if (h->pidfd) polled.push_back({h->pidfd.get(), POLLIN, 0});
    }
    int wait = wait_ms(now_ms());
    lock.unlock();
    poll(polled.data(), polled.size(), wait);
    lock.lock();
    silence_bell(wake_.get());
    auto running = helpers_;  // a start or end may change the list while we log
    for (auto& h : running) {
      uint64_t now = now_ms();
      if (h->pid > 0) {
        read(*h);
        for (bool all : {false, h->state == HelperState::ending}) {
          if (!h->output.flush(h->control.get())) h->output.clear();
          take_lines(*h, all);
        }
        if (!h->output.flush(h->control.get())) h->output.clear();
        if (h->state == HelperState::ending && h->output.empty() && !std::exchange(h->told_to_end, true))
          shutdown(h->control.get(), SHUT_WR);  // the helper reads the end and leaves
        int status = 0;
        if (waitpid(h->pid, &status, WNOHANG) == h->pid) {
          read(*h);  // its last words
          died(*h, status, now);
        } else {
          watch(*h, now);
        }
      }
      if (h->state == HelperState::pausing && now >= h->due_ms) spawn(*h);
    }
  }
}

int Supervisor::wait_ms(uint64_t now) const {
  uint64_t next = UINT64_MAX;
  for (auto& h : helpers_) {
    if (h->state == HelperState::up) next = std::min(next, now + std::max<uint64_t>(h->subject->limits.timeout_ms / 4, 5));
    if (h->state == HelperState::starting || h->state == HelperState::ending || h->state == HelperState::pausing)
      next = std::min(next, h->due_ms);
    // Without a descriptor for the process (a kernel older than 5.3) its end is noticed by looking.
    if (h->pid > 0 && !h->pidfd) next = std::min(next, now + 20);
  }
  return next == UINT64_MAX ? -1 : static_cast<int>(std::min<uint64_t>(next > now ? next - now : 0, 60'000));
}

void Supervisor::spawn(Helper& h) {
  auto failed = [&](const std::string& why) {
    h.state = h.served ? HelperState::pausing : HelperState::refused;
    h.due_ms = now_ms() + kFirstPauseMs;
    h.refusal = h.subject->title + ": its helper process cannot be started: " + why;
    if (h.served) SLC_LOG(error, h.refusal);
    auto text = std::make_shared<const std::string>("it cannot be started: " + why);
    for (auto& c : h.channels) c->helper_died(h.incarnation, text, false);
    changed_.notify_all();
  };
  Fd ours, theirs, page_file;
  if (!Fd::pair(&ours, &theirs)) return failed(std::strerror(errno));
  Mapping page;
  if (!Mapping::create(sizeof(StatusPage), &page, &page_file)) return failed(std::strerror(errno));
  pid_t pid = -1;
  if (int error = start_process({"isolate-helper", std::to_string(getpid()), h.subject->id}, theirs.get(), &pid)) return failed(std::strerror(error));
  h.pid = pid;
  h.pidfd = Fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  h.control = std::move(ours);
  h.page = std::move(page);
  h.input = {};
  h.output.clear();
  h.incarnation = ++last_incarnation_;
  h.state = HelperState::starting;
  h.due_ms = now_ms() + kStartLimitMs;
  h.kill_reason.clear();
  h.sent_trees.clear();
  h.metrics.clear();
  h.sync_sent = h.sync_seen = 0;
  h.level = level_now();
  Message m{Control::hello};
  m->text(h.subject->title), m->text(h.subject->copy);
  m->u32(h.subject->limits.memory_mb), m->i32(h.level), m->text(crash::folder());
  std::vector<Fd> descriptors;
  descriptors.push_back(std::move(page_file));
  h.output.add(m.take(), std::move(descriptors));
  for (auto& [id, record] : h.subject->records) h.output.add(record->create);
  for (auto& [id, record] : h.subject->records)
    if (record->started) h.output.add(start_of(*record));
  for (auto& [id, watching] : h.watches) {
    Message again{Control::watch};
    again->u64(0), again->u64(watching->object);
    h.output.add(again.take(watching->query));
  }
  Message sync{Control::sync};
  sync->u64(h.up_sync = ++h.sync_sent);
  h.output.add(sync.take());
  h.output.flush(h.control.get());
}

void Supervisor::read(Helper& h) {
  char bytes[16 * 1024];
  for (int i = 0; i < 64; ++i) {  // whoever talks without end gets its turn again
    ssize_t n = recv(h.control.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    h.input.add({bytes, static_cast<size_t>(n)});
    for (std::string_view frame; h.input.next(&frame);) take(h, frame);
    if (h.input.broken()) return kill(h, h.incarnation, "it sent no valid message");
  }
}

void Supervisor::take(Helper& h, std::string_view frame) {
  Reader r{frame};
  auto kind = static_cast<Control>(r.u8());
  switch (kind) {
    case Control::loaded: {
      std::string_view why = r.text();
      if (!r.at_end()) break;
      if (!why.empty()) kill(h, h.incarnation, std::string{why.substr(0, 4096)});
      return;
    }
    case Control::created: {
      Created c;
      uint64_t object = r.u64();
      c.status = r.i32();
      c.wanted = r.u8() != 0;
      uint32_t n = r.count(9);
      for (uint32_t i = 0; i < n && r.ok(); ++i) {
        config::Issue issue;
        issue.severity = r.u8() ? config::Issue::Severity::error : config::Issue::Severity::warning;
        issue.pointer = std::string{r.text().substr(0, 8192)};
        issue.message = std::string{r.text().substr(0, 8192)};
        c.issues.push_back(std::move(issue));
      }
      if (!r.at_end()) break;
      c.done = true;
      if (object == h.creating) {
        h.answer = std::move(c);
        h.sync_ms = now_ms();  // it was busy with that, which has a limit of its own
        changed_.notify_all();
      } else if (c.status != SLC_OK) {
        // What was possible once is not any more: a file or a service is gone. It will be tried again.
        auto it = h.subject->records.find(object);
        kill(h, h.incarnation, "create() refused " + (it == h.subject->records.end() ? std::string{"an object"} : it->second->place) +
                                   ", which it had made before");
      }
      return;
    }
    case Control::ask_tree: {
      uint64_t object = r.u64();
      int32_t scope = r.i32();
      if (!r.at_end()) break;
      auto it = h.subject->records.find(object);
      bool known = it != h.subject->records.end() && it->second->trees.contains(scope);
      if (!known && object == h.creating) {
        h.asked_scope = scope;  // who waits for create() has the configuration at hand
        changed_.notify_all();
      } else {
        answer_tree(h, object, scope);
      }
      return;
    }
    case Control::synced: {
      uint64_t number = r.u64();
      if (!r.at_end() || number > h.sync_sent) break;
      h.sync_seen = std::max(h.sync_seen, number);
      if (h.state == HelperState::starting && number >= h.up_sync && h.kill_reason.empty()) {
        h.state = HelperState::up;
        h.up_since_ms = h.sync_ms = now_ms();
        if (std::exchange(h.served, true)) {
          shard_.add(h.subject->restarts, 1);
          ++h.restarts;
          SLC_LOG(info, "plugin ", h.subject->id, ": its helper process runs again");
        }
        for (auto& c : h.channels) c->helper_up(h.incarnation);
        changed_.notify_all();
      }
      return;
    }
    case Control::state: {
      uint64_t number = r.u64();
      slc_status status = r.i32();
      std::string_view bytes = r.text();
      if (!r.at_end()) break;
      if (number && number == h.state_answer.number) {
        h.state_answer.status = status, h.state_answer.bytes = std::string{bytes}, h.state_answer.done = true;
        changed_.notify_all();
      }
      return;
    }
    case Control::publish:
      take_addresses(h, r);
      if (r.ok()) return;
      break;
    case Control::log: {
      int32_t level = r.i32();
      std::string_view text = r.text();
      if (!r.at_end()) break;
      if (h.probe && level < SLC_ERROR) return;  // it will be said again where the object is made in earnest
      log::write(static_cast<log::Level>(std::clamp<int32_t>(level, SLC_DEBUG, SLC_CRITICAL)), text);
      return;
    }
    case Control::define:
    case Control::count:
      take_metrics(h, kind, r);
      if (r.ok()) return;
      break;
    default: break;
  }
  kill(h, h.incarnation, "it sent no valid message");
}

void Supervisor::take_metrics(Helper& h, Control kind, Reader& r) {
  if (kind == Control::define) {
    uint32_t id = r.u32();
    auto type = static_cast<metrics::Kind>(std::min<uint8_t>(r.u8(), 2));
    std::string_view name = r.text(), help = r.text();
    std::vector<double> bounds;
    for (uint32_t n = r.count(sizeof(double)); n > 0 && bounds.size() < metrics::kMaxBounds; --n) bounds.push_back(r.number<double>());
    if (!r.at_end() || id >= metrics::kMaxMetrics) return r.fail();
    if (h.metrics.size() <= id) h.metrics.resize(id + 1);
    h.metrics[id] = metrics::define(h.subject->id, name, help, type, bounds);
    return;
  }
  for (uint32_t n = r.count(13); n > 0 && r.ok(); --n) {
    uint32_t id = r.u32();
    bool observed = r.u8() != 0;
    auto bits = r.number<int64_t>();
    slc_metric_id ours = id < h.metrics.size() ? h.metrics[id] : 0;
    double v;
    std::memcpy(&v, &bits, sizeof v);
    if (!ours || h.probe) continue;
    if (observed)
      shard_.observe(ours, v);
    else
      shard_.add(ours, bits);
  }
  if (!r.at_end()) r.fail();
}

void Supervisor::take_addresses(Helper& h, Reader& r) {
  const uint64_t id = r.u64();
  std::vector<slc_address> list;
  const uint32_t n = r.count(8);
  if (n > kMostAddresses) return r.fail();
  for (uint32_t i = 0; i < n && r.ok(); ++i) {
    slc_address a{};
    std::string_view url = r.text();
    a.url = {url.data(), url.size()};
    a.weight = r.u32();
    list.push_back(a);
  }
  if (!r.at_end()) return r.fail();
  if (auto it = h.watches.find(id); it != h.watches.end()) it->second->publish(it->second->list, list.data(), n);
}

void Supervisor::answer_tree(Helper& h, uint64_t object, int32_t scope) {
  uint64_t tree = 0;
  if (auto it = h.subject->records.find(object); it != h.subject->records.end())
    if (auto t = it->second->trees.find(scope); t != it->second->trees.end()) tree = t->second;
  Message m{Control::tree};
  m->u64(object), m->i32(scope), m->u64(tree);
  bool first = tree && h.sent_trees.insert(tree).second;
  m->u8(first);
  if (first) m->text(h.subject->trees->text(tree));
  h.output.add(m.take());
  ring_bell(wake_.get());
}

// Signs of life: an answer to the last sync, or another begin or end of a hook. The input has just been read, so a gateway
// that was itself stopped for a while does not blame the helper.
void Supervisor::watch(Helper& h, uint64_t now) {
  if (!h.kill_reason.empty()) return;
  if (h.state == HelperState::starting && now >= h.due_ms)
    return kill(h, h.incarnation, "it was not ready within " + std::to_string(kStartLimitMs / 1000) + " s");
  if (h.state == HelperState::ending && now >= h.due_ms) {
    SLC_LOG(warning, "plugin ", h.subject->id, ": its helper process did not end within ", kEndLimitMs / 1000, " s and is killed");
    return kill(h, h.incarnation, "it did not end");
  }
  if (h.state != HelperState::up) return;
  const uint64_t limit = h.creating ? std::max<uint64_t>(kStartLimitMs, h.subject->limits.timeout_ms) : h.subject->limits.timeout_ms;
  if (int level = level_now(); level != h.level) {
    Message m{Control::level};
    m->i32(h.level = level);
    h.output.add(m.take());
  }
  uint64_t beat = static_cast<StatusPage*>(h.page.at())->beat.load(std::memory_order_relaxed);
  if (h.sync_seen == h.sync_sent) {
    if (now - h.sync_ms < std::max<uint64_t>(limit / 4, 5)) return;
    Message m{Control::sync};
    m->u64(++h.sync_sent);
    h.output.add(m.take());
    h.output.flush(h.control.get());
    h.sync_ms = now, h.beat = beat;
  } else if (beat != h.beat) {
    h.sync_ms = now, h.beat = beat;
  } else if (now - h.sync_ms >= limit) {
    kill(h, h.incarnation, "it gave no sign for " + std::to_string(limit) + " ms and was killed");
  }
}

void Supervisor::died(Helper& h, int status, uint64_t now) {
  pid_t pid = std::exchange(h.pid, -1);
  h.pidfd = {};
  h.control = {};
  h.output.clear();
  h.creating = 0;
  if (h.state == HelperState::ending) {
    changed_.notify_all();
    return;
  }
  std::string why = h.kill_reason.empty() ? end_text(status) : h.kill_reason;
  // The page is the helper's: a lie in it gives a wrong name and nothing else.
  auto& page = *static_cast<StatusPage*>(h.page.at());
  uint64_t object = page.object.load(std::memory_order_relaxed);
  std::string place;
  if (object) why += std::string{h.kill_reason.empty() ? " in " : ", in "} + std::string{hook_name(page.hook.load(std::memory_order_relaxed))};
  if (auto it = h.subject->records.find(object); it != h.subject->records.end()) place = it->second->place + " ";
  h.last_death = why;
  if (!h.served) {
    h.state = HelperState::refused;
    h.refusal = h.subject->title + ": cannot be isolated: " +
                (h.kill_reason.empty() ? "its helper process ended while it was loading: " + why : why);
    changed_.notify_all();
    return;
  }
  if (h.probe) {
    h.state = HelperState::refused;
    h.refusal = h.subject->title + ": its helper process died: " + why;
    changed_.notify_all();
    return;
  }
  if (h.up_since_ms && now - h.up_since_ms >= kCalmMs) h.quick_deaths = 0;
  ++h.quick_deaths;
  uint64_t pause = 0;
  if (h.quick_deaths > kFreeRestarts)
    pause = std::min(kLongestPauseMs, kFirstPauseMs << std::min<uint32_t>(h.quick_deaths - kFreeRestarts - 1, 16));
  h.state = HelperState::pausing;
  h.due_ms = now + pause;
  h.up_since_ms = 0;
  shard_.add(h.subject->deaths, 1);
  ++h.deaths;
  SLC_LOG(error, place, "plugin ", h.subject->id, ": its helper process ", static_cast<int64_t>(pid), " died: ", why, ". ",
          pause ? "It is started again in " + std::to_string(pause) + " ms; until then requests that need it fail"
                : std::string{"It is started again at once"});
  auto text = std::make_shared<const std::string>(why);
  for (auto& c : h.channels) c->helper_died(h.incarnation, text, pause == 0);
  changed_.notify_all();
}

}  // namespace sluice::plugin::isolate
