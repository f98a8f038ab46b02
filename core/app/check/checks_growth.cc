// Memory that grows with requests: rounds of requests that are alike, and what malloc still holds after each. No proof of a leak, since
// a cache grows as well until it is full: a remark.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

#include "core/app/check/kit.h"
#include "core/app/check/spy.h"
#include "core/app/check/traffic.h"

// Of the sanitizers' run-time library, where there is one.
extern "C" {
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, size_t), void (*free_hook)(const volatile void*))
    __attribute__((weak));
size_t __sanitizer_get_allocated_size(const volatile void*) __attribute__((weak));
}

namespace sluice::app::check {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 6, kWarmUp = 2;
constexpr size_t kFewest = 8, kMost = 50;  // requests of a round
constexpr int64_t kLeast = 8;              // bytes for each request
constexpr Clock::duration kBudget = 16s;   // of all places together

std::atomic<int64_t> counted{0};

// What the process has of malloc at this moment, more or less than at some other. Sanitizers keep for a while what was freed, so
// there it is counted as it comes and goes.
int64_t held() {
  if (__sanitizer_install_malloc_and_free_hooks && __sanitizer_get_allocated_size) {
    static const bool installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, size_t size) { counted.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed); },
        [](const volatile void* at) {
          if (at) counted.fetch_sub(static_cast<int64_t>(__sanitizer_get_allocated_size(at)), std::memory_order_relaxed);
        });
    if (installed) return counted.load(std::memory_order_relaxed);
  }
  const struct mallinfo2 m = ::mallinfo2();
  return static_cast<int64_t>(m.uordblks + m.hblkhd);
}

// The same when what the last requests have left behind them has ended, or after a while.
int64_t settled() {
  int64_t last = held();
  for (int same = 0, tries = 0; same < 3 && tries < 40; ++tries) {
    std::this_thread::sleep_for(1ms);
    const int64_t now = held();
    same = now == last ? same + 1 : 0;
    last = now;
  }
  return last;
}

class Place {
 public:
  Place(Session& s, const Site& site, const Spot& spot) : session_{s}, site_{site}, spot_{spot} {}

  // False: its requests take too long for rounds within `budget`.
  bool warm_up(Clock::duration budget) {
    auto pair = [&] {
      const auto begun = Clock::now();
      ask(2);
      return Clock::now() - begun;
    };
    const auto most = budget / (kRounds + kWarmUp) / (kFewest / 2);
    if (pair() > 4 * most) return false;  // the first one opens connections, too
    const auto took = std::max<Clock::duration>(pair(), 1us);
    if (took > most) return false;
    requests_ = std::min<size_t>(static_cast<size_t>(budget / (kRounds + kWarmUp) / took) * 2, kMost);
    for (int i = 0; i < kWarmUp; ++i) ask(requests_);
    return true;
  }
  // Bytes for each request, after every round about as many; 0: it is no such thing.
  int64_t growth() {
    std::vector<int64_t> after{settled()};
    const auto begun = Clock::now();
    for (int i = 0; i < kRounds; ++i) {
      ask(requests_);
      after.push_back(settled());
      if (!grows(after)) return 0;
    }
    // It goes with the requests, and not with the time.
    const int64_t round = (after.back() - after.front()) / kRounds;
    std::this_thread::sleep_for(std::min<Clock::duration>((Clock::now() - begun) / kRounds, 300ms));
    const int64_t idle = settled();
    if (idle - after.back() > round / 2) return 0;
    ask(2 * requests_);
    const int64_t twice = settled() - idle;
    if (twice < round * 3 / 2 || twice > round * 3) return 0;
    return round / static_cast<int64_t>(requests_);
  }
  size_t asked() const { return asked_; }

 private:
  void ask(size_t n) {
    for (size_t i = 0; i < n; ++i)
      session_.expect_answer(site_, "growth", spot_.title + ", a plain request",
                             i % 2 ? post(spot_, "ok", R"({"a":1})") : get(spot_, "ok"));
    asked_ += n;
  }
  bool grows(std::span<const int64_t> after) const {
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 1; i < after.size(); ++i) {
      least = std::min(least, after[i] - after[i - 1]);
      most = std::max(most, after[i] - after[i - 1]);
    }
    return least >= kLeast * static_cast<int64_t>(requests_) && most <= 2 * least;
  }

  Session& session_;
  const Site& site_;
  const Spot& spot_;
  size_t requests_ = 0, asked_ = 0;
};

}  // namespace

void check_growth(Session& s) {
  struct Found {
    const Spot* spot;
    int64_t bytes;  // for each request
    size_t requests;
  };
  std::vector<Found> found;
  size_t asked = 0, slow = 0;
  const int64_t before = settled();
  auto site = opened(s, "growth", 1, "300ms");
  if (!site) return;
  for (const Spot& spot : s.spots()) {
    Place place{s, *site, spot};
    if (!place.warm_up(kBudget / static_cast<int>(s.spots().size()))) {
      ++slow;
      continue;
    }
    if (const int64_t bytes = place.growth()) found.push_back({&spot, bytes, place.asked()});
    asked += place.asked();
  }
  site.reset();
  int64_t grown = 0;
  for (const Found& f : found) grown += f.bytes * static_cast<int64_t>(f.requests);
  const bool stays = settled() - before > grown / 2;
  for (const Found& f : found)
    s.tell(State::note, "growth",
           f.spot->title + " holds about " + std::to_string(f.bytes) + " bytes more after each request, steadily over " +
               std::to_string(f.requests) + " that were alike" +
               (stays ? "; they are still held when its objects are gone" : "; its objects give them back in the end"),
           "Memory of a request comes from alloc(), or is freed in on_done. A cache needs a bound: once it is full this ends.");
  if (s.tell_violations() || !found.empty()) return;
  if (slow == s.spots().size())
    s.tell(State::skipped, "growth", "its requests take too long to make many of them", "");
  else
    s.tell(State::passed, "growth", std::to_string(asked) + " requests that were alike: no memory that grows with them" +
                                        (slow ? "; " + std::to_string(slow) + " of " + spots_text(s) + " too slow to be looked at" : ""));
}

}  // namespace sluice::app::check
