#include "core/plugin/watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "core/log/log.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {
namespace {

constexpr size_t kKept = 16, kMostNames = 4096;
constexpr uint64_t kAgainMs = 60'000;

struct Watched {
  HookState* state;
  uint32_t worker;
  pthread_t thread;
  pid_t tid;
  uint32_t count = 0;
  uint64_t running = 0;
  uint64_t since_ms = 0;
  ThreadUse at{};  // at since_ms
  bool told = false;
};

struct Book {
  std::mutex mutex;
  std::vector<Watched> threads;
  std::map<std::string, uint64_t> told_ms;  // binding → when it was last named
  std::deque<Stall> recent;
};
Book& book() {
  static auto* b = new Book;
  return *b;
}

// Takes the thread out of the book before its thread-local storage goes.
struct Guard {
  bool watched = false;
  ~Guard() {
    if (!watched) return;
    Book& b = book();
    std::lock_guard lock{b.mutex};
    std::erase_if(b.threads, [](const Watched& w) { return w.state == &hook_state; });
  }
};
thread_local Guard guard;

uint64_t now_ms() { return shared::now_ns() / 1'000'000; }

uint32_t ms(uint64_t ns) { return static_cast<uint32_t>(std::min<uint64_t>(ns / 1'000'000, UINT32_MAX)); }

// Under the book's lock.
void keep(Book& b, Stall s) {
  s.unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  b.recent.push_front(std::move(s));
  if (b.recent.size() > kKept) b.recent.pop_back();
}

constexpr std::string_view kUnknown = "a function that a plugin left to run later (which plugin is not known)";
std::string title(const RunningCall& s) {
  if (s.plugin.empty()) return std::string{kUnknown};
  return s.place + "[" + s.binding + "] " + std::string{to_string(s.hook)} + " of plugin " + s.plugin + " " + s.version;
}
// Of HookState::running, which is not 0.
RunningCall unpacked(uint64_t packed) {
  RunningCall r;
  r.hook = HookState::kind_of(packed);
  cost::Owner owner;
  if (cost::describe(HookState::account_of(packed), &owner, &r.place)) r.plugin = owner.plugin, r.version = owner.version, r.binding = owner.binding;
  return r;
}
std::string times(const Stall& s) {
  return std::to_string(s.wall_ms) + " ms (" + std::to_string(s.cpu_ms) + " ms of them computing, " + std::to_string(s.queued_ms) +
         " ms without a CPU)";
}

bool read_task(pid_t tid, const char* file, char (&text)[512]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/%s", static_cast<int>(tid), file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  return n > 0;
}

uint32_t ms_between(uint64_t from_ns, uint64_t to_ns) { return to_ns > from_ns ? ms(to_ns - from_ns) : 0; }

}  // namespace

namespace watchdog {

void watch_this_thread(uint32_t worker) {
  if (guard.watched) return;
  guard.watched = true;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  b.threads.push_back({&hook_state, worker, pthread_self(), gettid()});
}

std::vector<Stall> recent() {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  return {b.recent.begin(), b.recent.end()};
}

std::optional<RunningCall> running_on(const HookState& state) {
  const uint64_t packed = state.running.load(std::memory_order_relaxed);
  if (!packed) return {};
  return unpacked(packed);
}

std::optional<RunningCall> running_in(uint32_t worker) {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  for (const Watched& w : b.threads)
    if (w.worker == worker) return running_on(*w.state);
  return {};
}

std::vector<Held> held_workers() {
  std::vector<Held> all;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  for (const Watched& w : b.threads)
    if (auto by = running_on(*w.state)) all.push_back({w.worker, std::move(*by)});
  return all;
}

}  // namespace watchdog

std::string RunningCall::text() const {
  return plugin.empty() && hook != HookKind::callback ? std::string{to_string(hook)} + " of a plugin" : title(*this);
}

RunningCall call_at(const Place* place, HookKind hook) {
  RunningCall call;
  call.hook = hook;
  if (place) call.plugin = place->plugin, call.version = place->version, call.binding = place->binding, call.place = place->where;
  return call;
}

void report_stall(const Place* place, HookKind hook, uint64_t ticks) {
  Stall s;
  s.wall_ms = hook_state.stalled_ms.exchange(0, std::memory_order_relaxed);
  if (!s.wall_ms) return;
  s.cpu_ms = hook_state.stalled_cpu_ms.load(std::memory_order_relaxed);
  s.queued_ms = hook_state.stalled_queued_ms.load(std::memory_order_relaxed);
  if (ticks) s.wall_ms = std::max(s.wall_ms, ms(clock::to_ns(ticks)));
  s.worker = hook_state.worker, s.over = true;
  cost::Account* account = place ? place->account : nullptr;
  if (cost::RareCell* c = account ? account->rare(s.worker, hook) : nullptr) cost::add(c->stalls, 1);
  static_cast<RunningCall&>(s) = call_at(place, hook);
  Book& b = book();
  {
    std::lock_guard lock{b.mutex};
    keep(b, s);
    if (b.told_ms.size() > kMostNames) b.told_ms.clear();
    uint64_t now = now_ms(), &last = b.told_ms[s.plugin + ' ' + s.binding];
    if (last && now - last < kAgainMs) return;
    last = now;
  }
  if (s.plugin.empty())
    SLC_LOG(warning, kUnknown, " held its event loop for about ", times(s), ": every request of the worker waited");
  else
    SLC_LOG(warning, s.place, "[", s.binding, "] held its event loop for about ", times(s), " in ", to_string(hook), " (plugin ",
          s.plugin, " ", s.version, "): every request of the worker waited");
}

Watchdog::Watchdog(uint32_t limit_ms) : limit_ms_{limit_ms} {}

Watchdog::~Watchdog() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::set_limit(uint32_t limit_ms) {
  {
    std::lock_guard lock{mutex_};
    limit_ms_.store(limit_ms, std::memory_order_relaxed);
    changed_ = true;
  }
  wake_.notify_all();
}

void Watchdog::start() {
  if (thread_.joinable()) return;
  thread_ = std::thread{[this] {
    std::unique_lock lock{mutex_};
    while (!stopping_) {
      uint32_t limit = limit_ms_.load(std::memory_order_relaxed);
      auto woken = [this] { return stopping_ || std::exchange(changed_, false); };
      if (limit == 0)
        wake_.wait(lock, woken);
      else if (!wake_.wait_for(lock, std::chrono::milliseconds{std::max(limit / 4, 1u)}, woken))
        tick(now_ms());
    }
  }};
}

ThreadUse Watchdog::use_of(pthread_t thread, pid_t tid) const {
  ThreadUse use;
  clockid_t id;
  timespec t;
  if (pthread_getcpuclockid(thread, &id) == 0 && clock_gettime(id, &t) == 0)
    use.cpu_ns = static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
  char text[512];
  // "running queued slices"; absent in kernels without scheduler statistics: then nothing is taken off.
  if (read_task(tid, "schedstat", text)) {
    char* end = nullptr;
    strtoull(text, &end, 10);
    use.queued_ns = strtoull(end, nullptr, 10);
  }
  // "tid (name) state …"; a name may hold parentheses.
  if (read_task(tid, "stat", text))
    if (const char* close = strrchr(text, ')'); close && close[1] == ' ') use.ready = close[2] == 'R';
  return use;
}

void Watchdog::tick(uint64_t now) {
  const uint32_t limit = limit_ms_.load(std::memory_order_relaxed);
  if (limit == 0) return;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  for (Watched& w : b.threads) {
    uint32_t count = w.state->count.load(std::memory_order_relaxed);
    uint64_t running = w.state->running.load(std::memory_order_relaxed);
    if (running == 0 || running != w.running || count != w.count) {
      w.running = running, w.count = count, w.since_ms = now, w.told = false;
      if (running) w.at = use_of(w.thread, w.tid);
      continue;
    }
    if (now - w.since_ms < limit) continue;
    ThreadUse use = use_of(w.thread, w.tid);
    Stall s;
    s.wall_ms = static_cast<uint32_t>(std::min<uint64_t>(now - w.since_ms, UINT32_MAX));
    s.cpu_ms = std::min(ms_between(w.at.cpu_ns, use.cpu_ns), s.wall_ms);
    s.queued_ms = std::min(ms_between(w.at.queued_ns, use.queued_ns), s.wall_ms - s.cpu_ms);
    // What neither count knows was spent waiting for something, or, by a thread that is ready now, for a CPU.
    if (use.ready) s.queued_ms = s.wall_ms - s.cpu_ms;
    const uint32_t held = s.wall_ms - s.queued_ms;
    if (held < limit) continue;
    w.state->stalled_cpu_ms.store(s.cpu_ms, std::memory_order_relaxed);
    w.state->stalled_queued_ms.store(s.queued_ms, std::memory_order_relaxed);
    w.state->stalled_ms.store(s.wall_ms, std::memory_order_relaxed);
    if (w.state->count.load(std::memory_order_relaxed) != count ||
        w.state->running.load(std::memory_order_relaxed) != running) {  // it has just returned: the next hook is not to blame
      w.state->stalled_ms.store(0, std::memory_order_relaxed);
      continue;
    }
    if (held < 10 * uint64_t{limit} || std::exchange(w.told, true)) continue;
    s.worker = w.worker;
    static_cast<RunningCall&>(s) = unpacked(running);
    SLC_LOG(error, "worker ", w.worker, " serves nobody: for ", times(s), " it has been inside ", title(s));
    keep(b, std::move(s));
  }
}

}  // namespace sluice::plugin
