// What the spy writes down: who runs and for how long, what waits, what is under way, and what was noted of it.
#include "core/app/check/spy_book.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "core/app/check/child.h"
#include "core/app/check/finding.h"

namespace sluice::app::check::spy {
namespace {

using namespace std::chrono_literals;

// Well above what an honest hook takes, well below what a person would call slow. Sanitizers make code several times slower.
constexpr auto kBlocking = SLC_BUILD_FLAGS != 0 ? 150ms : 50ms;

int64_t thread_cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

constexpr unsigned char kUntouched = 0xc5;
constexpr size_t kMostZones = 1000;  // of one call; blocks behind them are not looked at
thread_local std::vector<unsigned char*> zones;

// Told at once: what was written over may bring the process down before the check has ended.
void look_behind_blocks(size_t from, const std::string& who) {
  bool whole = true;
  for (size_t i = from; i < zones.size(); ++i)
    whole = whole && std::all_of(zones[i], zones[i] + kRedZone, [](unsigned char c) { return c == kUntouched; });
  zones.resize(from);
  if (whole) return;
  Book& k = book();
  {
    const std::lock_guard lock{k.mutex};
    if (!k.seen.insert("behind " + who).second) return;
  }
  tell_parent(to_line({State::failed, "blocks", who + " wrote behind the end of a block that alloc() gave it",
                       "There is other memory of the same request: ask for as much as is written."}));
}

class Kept final : public std::pmr::memory_resource {
  static constexpr size_t kBlock = size_t{1} << 20;
  void* do_allocate(size_t size, size_t align) override {
    const std::lock_guard lock{mutex_};
    size_t skip = (align - reinterpret_cast<uintptr_t>(at_) % align) % align;
    if (size + skip > left_) {
      left_ = std::max(kBlock, (size + kBlock - 1) / kBlock * kBlock);
      void* block = ::mmap(nullptr, left_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (block == MAP_FAILED) std::abort();
      at_ = static_cast<char*>(block), skip = 0;
    }
    char* out = at_ + skip;
    at_ = out + size, left_ -= size + skip;
    return out;
  }
  void do_deallocate(void*, size_t, size_t) override {}
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }
  std::mutex mutex_;
  char* at_ = nullptr;
  size_t left_ = 0;
};

rusage usage() {
  rusage u{};
  ::getrusage(RUSAGE_THREAD, &u);
  return u;
}

}  // namespace

std::pmr::memory_resource& kept() {
  static auto* k = new Kept;
  return *k;
}

std::string_view keep_text(std::string_view text) {
  static auto* mutex = new std::mutex;
  static auto* all = new std::set<std::string, std::less<>>;
  const std::lock_guard lock{*mutex};
  const auto it = all->find(text);
  return it != all->end() ? *it : *all->emplace(text).first;
}

Book& book() {
  static auto* b = new Book;
  return *b;
}

void note(Rule rule, std::string text, const std::string& key) {
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  auto& list = k.noted[static_cast<size_t>(rule)];
  if (list.size() < 20 && k.seen.insert(std::to_string(static_cast<int>(rule)) + (key.empty() ? text : key)).second) list.push_back(std::move(text));
}

std::string name_of(const Bound* b, std::string_view where) {
  std::string out = b && b->spec ? '"' + std::string{b->spec->name} + '"' : "the plugin";
  if (!where.empty()) out += " at " + std::string{where};
  return out;
}

std::string_view where_now() { return plugin::current_place ? plugin::current_place->where : std::string_view{}; }

Call::Call(const Bound* b, const char* hook, Where where, const Held* object)
    : running_{hook, b && b->spec ? std::string_view{b->spec->name} : std::string_view{}, where_now()}, before_{inside}, where_{where} {
  inside = {b, hook, object};
  guarded_ = zones.size();
  if (where == elsewhere) return;
  on_loop = true;
  begun_ = std::chrono::steady_clock::now();
  const rusage u = usage();
  given_away_ = u.ru_nvcsw, taken_away_ = u.ru_nivcsw;
  cpu_ns_ = thread_cpu_ns();
}

Call::~Call() {
  const Inside was = std::exchange(inside, before_);
  if (zones.size() > guarded_) look_behind_blocks(guarded_, std::string{was.hook} + " of " + name_of(was.bound, where_now()));
  Book& k = book();
  if (where_ != elsewhere) {
    // The spy's own locks are not in it: whoever waits here waits in the plugin.
    const auto took = std::chrono::steady_clock::now() - begun_;
    const auto cpu = std::chrono::nanoseconds{thread_cpu_ns() - cpu_ns_};
    const rusage u = usage();
    // Time that the scheduler gave to others does not count, so a call that it interrupted says nothing about waiting.
    const bool waited = u.ru_nvcsw != given_away_ && u.ru_nivcsw == taken_away_ && cpu * 4 < took;
    const bool computed = where_ != codec && cpu >= kBlocking / 2;
    const auto ms = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
    const std::string who = std::string{was.hook} + " of " + name_of(was.bound, where_now());
    if (took >= kBlocking && (waited || computed))
      note(Rule::blocking,
           who + " held its event loop for " + ms + " ms" + (waited ? ", waiting" : ", computing") + ": every request of the worker waits as long", who);
    else if (waited && took >= 1ms)
      note(Rule::waiting, who + " gave the processor away and came back after " + ms + " ms", who);
  }
  {
    const std::lock_guard lock{k.mutex};
    ++k.counts.hooks;
  }
  k.changed.notify_all();
}

void exchange_over(const Bound* b, slc_exchange* x, bool timed_out) {
  Book& k = book();
  std::unique_lock lock{k.mutex};
  bool owned = false;
  // Jobs and lookups that belong to nobody's exchange may resume any.
  for (const auto& [op, running] : k.operations) owned = owned || op->owner == x || (!op->owner && !op->worker && op->bound == b);
  bool hopeless = false;
  for (auto& [token, s] : k.suspensions) {
    if (s.exchange != x || s.over || s.bound != b) continue;
    hopeless = hopeless || !s.resumed;
    s.over = true;
    if (!s.resumed) --k.counts.suspended_now;
  }
  std::erase_if(k.operations, [&](const auto& entry) { return entry.first->owner == x && entry.first->bound == b; });
  const bool threads = k.flags & SLC_STARTS_THREADS;
  lock.unlock();
  // A plugin with threads may just have been slow; one without has nobody left who could resume.
  if (timed_out && hopeless && !owned && !threads && !faults())
    note(Rule::unresumed, name_of(b, where_now()) + " was suspended, and ended by the time-out, with no timer or callout under way that "
                                                    "could have resumed it");
}

void guard(unsigned char* zone) {
  std::fill_n(zone, kRedZone, kUntouched);
  if (inside.hook && zones.size() < kMostZones) zones.push_back(zone);
}

bool refused() {
  const uint64_t n = refusable.fetch_add(1, std::memory_order_relaxed) + 1;
  const uint64_t at = refuse_at.load(std::memory_order_relaxed);
  return at && (n == at || (n > at && refuse_all.load(std::memory_order_relaxed)));
}

std::vector<std::string> take(Rule rule) {
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  return std::exchange(k.noted[static_cast<size_t>(rule)], {});
}

void refuse(uint64_t nth, bool all) {
  refusable = 0;
  refuse_all = all;
  refuse_at = nth;
}
uint64_t refusable_calls() { return refusable.load(); }

std::string last_export(const slc_binding* spec) {
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  for (const auto& [bound, bytes] : k.exports)
    if (bound->spec == spec) return bytes;
  return {};
}

Operation* begun(slc_worker* w, slc_exchange* owner, slc_exchange* shown, void* user) {
  auto* op = keep<Operation>(w, owner, shown);
  op->user = user;
  op->bound = inside.bound, op->object = inside.object;
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  k.operations[op] = true;
  return op;
}

void ended(Operation* op) {
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  k.operations.erase(op);
}

void suspended(slc_token token, slc_exchange* x) {
  Book& k = book();
  {
    const std::lock_guard lock{k.mutex};
    const bool fresh = k.suspensions.insert_or_assign(token, Suspension{x, inside.bound, keep_text(where_now())}).second;
    ++k.counts.suspended;
    if (fresh) ++k.counts.suspended_now;
  }
  k.changed.notify_all();
}

Counts counts() {
  Book& k = book();
  const std::lock_guard lock{k.mutex};
  return k.counts;
}

bool wait_for_hooks(uint64_t hooks, uint64_t limit_ms) {
  Book& k = book();
  std::unique_lock lock{k.mutex};
  return k.changed.wait_for(lock, std::chrono::milliseconds{limit_ms}, [&] { return k.counts.hooks >= hooks; });
}

bool wait_for_suspended(uint64_t limit_ms) {
  Book& k = book();
  std::unique_lock lock{k.mutex};
  return k.changed.wait_for(lock, std::chrono::milliseconds{limit_ms}, [&] { return k.counts.suspended_now > 0; });
}

}  // namespace sluice::app::check::spy
