#include "core/plugin/cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/plugin/cost_status.h"
#include "core/plugin/metrics.h"
#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using cost::Account;
using cost::Totals;
using testing::FakeExchange;
using testing::FakeWorker;

cost::Owner owner(std::string plugin) { return {std::move(plugin), "1.0.0", "t/x", SLC_IFACE_MIDDLEWARE}; }

Totals of(const Account& a, HookKind k) { return a.totals()[static_cast<size_t>(k)]; }

Place place_of(Account& a) { return {a.owner().plugin, a.owner().binding, a.place(), a.owner().version, &a, nullptr}; }

// Rows of one plugin.
std::vector<cost::Row> rows(const std::string& plugin) {
  std::vector<cost::Row> found;
  for (cost::Row& r : cost::snapshot())
    if (r.owner.plugin == plugin) found.push_back(std::move(r));
  return found;
}

// Until the clock has moved on by this much.
void spend(uint64_t ns) {
  uint64_t begin = clock::monotonic_ns();
  while (clock::monotonic_ns() - begin < ns) {
  }
}

TEST(CostTest, EveryCallIsCountedWithItsTime) {
  FakeWorker w;
  auto account = cost::find_or_make(owner("cost.calls"), "[ENDPOINT: /x]", 1);
  Place place = place_of(*account);
  for (uint64_t ns : {10'000, 200'000, 30'000}) {
    PlaceScope scope{&place, HookKind::on_request};
    spend(ns);
  }
  { PlaceScope scope{&place, HookKind::on_done}; }
  Totals t = of(*account, HookKind::on_request);
  EXPECT_EQ(t.calls, 3u);
  // The two clocks may differ by a thousandth.
  EXPECT_GE(t.busy_ns, 239'000u);
  EXPECT_GE(t.longest_ns, 199'000u);
  EXPECT_LE(t.longest_ns, t.busy_ns);
  EXPECT_EQ(of(*account, HookKind::on_done).calls, 1u);
  EXPECT_EQ(of(*account, HookKind::on_response).calls, 0u);
}

TEST(CostTest, ACallFromInsideAnotherIsNotCountedTwice) {
  FakeWorker w;
  FakeExchange x{w};
  auto outer = cost::find_or_make(owner("cost.outer"), "", 1), inner = cost::find_or_make(owner("cost.inner"), "", 1);
  Place a = place_of(*outer), b = place_of(*inner);
  x.arena.alloc(1, 1);  // its first block has a head, which the next hook does not pay
  {
    PlaceScope scope{&a, HookKind::on_call, &x.arena};
    x.arena.alloc(100, 1);
    {
      PlaceScope within{&b, HookKind::on_request, &x.arena};
      x.arena.alloc(3000, 1);
      spend(2'000'000);
      EXPECT_EQ(current_place, &b);
      EXPECT_EQ(hook_state.kind(), HookKind::on_request);
    }
    EXPECT_EQ(current_place, &a);
    EXPECT_EQ(hook_state.kind(), HookKind::on_call);
    x.arena.alloc(11, 1);
  }
  EXPECT_EQ(hook_state.kind(), HookKind::none);
  Totals t = of(*outer, HookKind::on_call), u = of(*inner, HookKind::on_request);
  EXPECT_GE(u.busy_ns, 1'990'000u);
  EXPECT_LT(t.busy_ns + 1'000'000, u.busy_ns + t.busy_ns) << "its own time is without the inner call's";
  EXPECT_EQ(t.bytes, 111u);
  EXPECT_EQ(u.bytes, 3000u);
}

// A call site as a worker's chain has it.
CallSite site_of(const Place& place, HookKind kind) {
  return {&place, HookState::pack(kind, place.account), place.account ? place.account->cell(hook_state.worker, kind) : nullptr};
}

TEST(CostTest, HooksThatFollowEachOtherShareReadingsOfTheClockAndNoneLosesTime) {
  FakeWorker w;
  FakeExchange x{w};
  auto a = cost::find_or_make(owner("cost.run.a"), "", 1), b = cost::find_or_make(owner("cost.run.b"), "", 1),
       inner = cost::find_or_make(owner("cost.run.inner"), "", 1);
  Place first = place_of(*a), second = place_of(*b), third = place_of(*inner);
  const CallSite one = site_of(first, HookKind::on_request), two = site_of(second, HookKind::on_request);
  x.arena.alloc(1, 1);
  const uint64_t begin = clock::ticks();
  {
    HookRun run{x.arena, true};
    EXPECT_EQ(run.call(one, [&] {
      EXPECT_EQ(current_place, &first);
      EXPECT_EQ(hook_state.kind(), HookKind::on_request);
      x.arena.alloc(100, 1);
      spend(3'000'000);
      return 7;
    }), 7);
    run.call(two, [&] {
      EXPECT_EQ(current_place, &second);
      PlaceScope within{&third, HookKind::expand, &x.arena};
      x.arena.alloc(300, 1);
      spend(2'000'000);
    });
    run.call(one, [&] { x.arena.alloc(10, 1); });
  }
  const uint64_t all = clock::to_ns(clock::ticks() - begin);
  EXPECT_EQ(current_place, nullptr);
  EXPECT_EQ(hook_state.kind(), HookKind::none);
  const Totals t = of(*a, HookKind::on_request), u = of(*b, HookKind::on_request), v = of(*inner, HookKind::expand);
  EXPECT_EQ(t.calls, 2u);
  EXPECT_EQ(u.calls, 1u);
  EXPECT_GE(t.busy_ns, 2'990'000u);
  EXPECT_GE(t.longest_ns, 2'990'000u);
  EXPECT_GE(v.busy_ns, 1'990'000u);
  // Nothing is charged twice. (The clocks may differ by a thousandth.)
  EXPECT_LE(t.busy_ns + u.busy_ns + v.busy_ns, all + all / 500 + 1000);
  EXPECT_EQ(t.bytes, 110u);
  EXPECT_EQ(u.bytes, 0u);
  EXPECT_EQ(v.bytes, 300u);
}

TEST(CostTest, ARunInsideAHookIsSubtractedFromIt) {
  FakeWorker w;
  FakeExchange x{w};
  auto outer = cost::find_or_make(owner("cost.nested.outer"), "", 1), inner = cost::find_or_make(owner("cost.nested.inner"), "", 1);
  Place a = place_of(*outer), b = place_of(*inner);
  const CallSite within = site_of(b, HookKind::on_request);
  x.arena.alloc(1, 1);
  {
    PlaceScope scope{&a, HookKind::on_call, &x.arena};
    x.arena.alloc(5, 1);
    {
      HookRun run{x.arena, true};
      for (int i = 0; i < 3; ++i) run.call(within, [&] { x.arena.alloc(20, 1), spend(1'000'000); });
    }
    EXPECT_EQ(current_place, &a);
    EXPECT_EQ(hook_state.kind(), HookKind::on_call);
  }
  const Totals t = of(*outer, HookKind::on_call), u = of(*inner, HookKind::on_request);
  EXPECT_EQ(u.calls, 3u);
  EXPECT_GE(u.busy_ns, 2'990'000u);
  EXPECT_LT(u.longest_ns, u.busy_ns);
  EXPECT_EQ(u.bytes, 60u);
  EXPECT_EQ(t.bytes, 5u);
  EXPECT_LT(t.busy_ns + 1'000'000, u.busy_ns + t.busy_ns) << "its own time is without that of the run";
}

TEST(CostTest, MemoryThatTheHostGivesBackInARunIsNobodysGain) {
  FakeWorker w;
  FakeExchange x{w};
  auto account = cost::find_or_make(owner("cost.back"), "", 1);
  Place place = place_of(*account);
  const CallSite site = site_of(place, HookKind::on_request);
  x.arena.alloc(1, 1);
  {
    HookRun run{x.arena, true};
    char* much = nullptr;
    run.call(site, [&] { much = static_cast<char*>(x.arena.alloc(500, 1)); });
    run.call(site, [&] { x.arena.trim(much + 100); });
    run.call(site, [&] { x.arena.alloc(50, 1); });
  }
  EXPECT_EQ(of(*account, HookKind::on_request).bytes, 550u);
}

TEST(CostTest, ARunThatIsNotCountedSaysWhoRunsAllTheSame) {
  FakeWorker w;
  FakeExchange x{w};
  Place place{"p", "b", ""};
  HookRun run{x.arena, false};
  run.call(site_of(place, HookKind::on_response), [&] {
    EXPECT_EQ(current_place, &place);
    EXPECT_EQ(hook_state.kind(), HookKind::on_response);
  });
}

TEST(CostTest, CellsOfAChainStandSideBySideAndOutliveTheirRow) {
  auto a = cost::find_or_make(owner("cost.row.a"), "", 1), b = cost::find_or_make(owner("cost.row.b"), "", 1);
  cost::Cell* known = b->cell(0, HookKind::on_done);
  cost::Cell* first = nullptr;
  {
    cost::CellRow row{new cost::Cell[3]};
    first = a->cell(0, HookKind::on_request, row, 0);
    EXPECT_EQ(b->cell(0, HookKind::on_request, row, 1), first + 1);
    EXPECT_EQ(b->cell(0, HookKind::on_done, row, 2), known) << "one that is there stays, with its figures";
  }
  EXPECT_EQ(a->cell(0, HookKind::on_request), first);
  first->add_call(0);
  EXPECT_EQ(of(*a, HookKind::on_request).calls, 1u);
  const cost::CellRow other{new cost::Cell[1]};
  EXPECT_EQ(a->cell(1, HookKind::on_request, other, 0), nullptr) << "no such worker";
}

TEST(CostTest, WhatServicesTakeFromTheArenaIsTheHooks) {
  FakeWorker w;
  FakeExchange x{w};
  auto account = cost::find_or_make(owner("cost.bytes"), "", 1);
  Place place = place_of(*account);
  {
    PlaceScope scope{&place, HookKind::on_request, &x.arena};
    ASSERT_NE(kExchangeService.alloc(x, 1000, 1), nullptr);
    kExchangeService.set_body(x, SLC_REQUEST, testing::S(std::string(500, 'b')));
  }
  EXPECT_GE(of(*account, HookKind::on_request).bytes, 1500u);
  EXPECT_LT(of(*account, HookKind::on_request).bytes, 2500u);
  {
    PlaceScope scope{&place, HookKind::on_response, &x.arena};
    kExchangeService.alloc(x, size_t{1} << 20, 64);
  }
  EXPECT_GE(of(*account, HookKind::on_response).bytes, uint64_t{1} << 20) << "a block of its own";
}

TEST(CostTest, WaitingIsCountedHoweverItEnds) {
  FakeWorker w;
  auto account = cost::find_or_make(owner("cost.waits"), "", 1);
  Place place = place_of(*account);
  {
    WaitScope wait{place, HookKind::on_request, *w.worker};
    spend(100'000);
  }
  Totals t = of(*account, HookKind::on_request);
  EXPECT_EQ(t.waits, 1u);
  EXPECT_GE(t.waited_ns, 99'000u);
  EXPECT_EQ(t.calls, 0u);
  count_error(place, HookKind::on_request, *w.worker);
  EXPECT_EQ(of(*account, HookKind::on_request).errors, 1u);
}

TEST(CostTest, WhatNobodyResumedInTimeIsCountedAndShown) {
  FakeWorker w;
  auto account = cost::find_or_make(owner("cost.timed-out"), "[ENDPOINT: /t]", 1);
  Place place = place_of(*account);
  for (int i = 0; i < 3; ++i) count_timed_out(place, HookKind::on_response, *w.worker);
  EXPECT_EQ(of(*account, HookKind::on_response).timed_out, 3u);
  EXPECT_TRUE(of(*account, HookKind::on_response).any());
  ASSERT_EQ(rows("cost.timed-out").size(), 1u);
  EXPECT_EQ(rows("cost.timed-out")[0].sum().timed_out, 3u);
  EXPECT_NE(cost::status_json(0).find(R"("timed_out":3)"), std::string::npos);
  bool exported = false;
  for (const metrics::Snapshot& s : metrics::snapshot())
    exported = exported || (s.definition->name == "sluice_plugin_hook_timed_out_total" && s.value == 3 && s.labels[0].second == "cost.timed-out");
  EXPECT_TRUE(exported);
  place.account = nullptr;  // nothing is counted
  count_timed_out(place, HookKind::on_response, *w.worker);
}

TEST(CostTest, ThreadsThatAreNoWorkersCountTogether) {
  auto account = cost::find_or_make(owner("cost.outside"), "[ENDPOINT: /o]", 2);
  Place place = place_of(*account);
  std::atomic<bool> stop{false};
  std::thread reader{[&] {
    while (!stop) cost::snapshot();
  }};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 1000; ++n) {
        PlaceScope scope{&place, n % 2 ? HookKind::work : HookKind::log_write};
        if (i == 0 && n == 1) spend(1'000'000);
      }
      count_error(place, HookKind::import_state);
    });
  for (auto& t : threads) t.join();
  stop = true;
  reader.join();
  const Totals work = of(*account, HookKind::work);
  EXPECT_EQ(work.calls, 2000u);
  EXPECT_GE(work.longest_ns, 999'000u);
  EXPECT_GE(work.busy_ns, work.longest_ns);
  EXPECT_EQ(of(*account, HookKind::log_write).calls, 2000u);
  EXPECT_EQ(of(*account, HookKind::import_state).errors, 4u);
  EXPECT_EQ(rows("cost.outside").at(0).hooks.size(), 3u);
}

TEST(CostTest, OutsideOfWorkersNestedCallsAreSubtractedToo) {
  auto account = cost::find_or_make(owner("cost.outside-nested"), "", 1);
  std::thread{[&] {
    Place place = place_of(*account);
    PlaceScope outer{&place, HookKind::work};
    PlaceScope inner{&place, HookKind::callback};
    spend(2'000'000);
  }}.join();
  EXPECT_GE(of(*account, HookKind::callback).busy_ns, 1'990'000u);
  EXPECT_LT(of(*account, HookKind::work).busy_ns, of(*account, HookKind::callback).busy_ns);
}

TEST(CostTest, WhatTakesAConfigurationUpIsNotCountedOutsideOfWorkers) {
  auto account = cost::find_or_make(owner("cost.foreign"), "", 2);
  std::thread{[&] {
    Place place = place_of(*account);
    PlaceScope scope{&place, HookKind::create};
    EXPECT_EQ(current_place, &place);
  }}.join();
  EXPECT_FALSE(of(*account, HookKind::create).any());
  EXPECT_TRUE(rows("cost.foreign").empty());
}

TEST(CostTest, WorkersHaveCellsOfTheirOwnAndReadersSeeTheSum) {
  auto account = cost::find_or_make(owner("cost.sum"), "[ENDPOINT: /s]", 3);
  Place place = place_of(*account);
  std::atomic<bool> stop{false};
  std::thread reader{[&] {
    while (!stop) {
      cost::snapshot();
      cost::status_json();
    }
  }};
  std::mutex descriptors;
  std::vector<std::thread> workers;
  for (uint32_t i = 0; i < 3; ++i)
    workers.emplace_back([&, i] {
      // libuv closes descriptors past ThreadSanitizer, which would take one's number for another's without the lock.
      std::optional<FakeWorker> w;
      {
        std::lock_guard lock{descriptors};
        w.emplace(i, 3);
      }
      for (int n = 0; n < 2000; ++n) {
        PlaceScope scope{&place, HookKind::on_request};
      }
      std::lock_guard lock{descriptors};
      w.reset();
    });
  for (auto& t : workers) t.join();
  stop = true;
  reader.join();
  EXPECT_EQ(of(*account, HookKind::on_request).calls, 6000u);
}

TEST(CostTest, APlaceKeepsItsAccountWhileAnybodyHoldsIt) {
  FakeWorker w;
  auto old = cost::find_or_make(owner("cost.reload"), "[ENDPOINT: /r]", 1);
  Place place = place_of(*old);
  { PlaceScope scope{&place, HookKind::on_request}; }
  auto fresh = cost::find_or_make(owner("cost.reload"), "[ENDPOINT: /r]", 1);
  EXPECT_EQ(fresh, old) << "a reload finds it";
  auto other_build = cost::find_or_make({"cost.reload", "1.0.1", "t/x", SLC_IFACE_MIDDLEWARE}, "[ENDPOINT: /r]", 1);
  EXPECT_NE(other_build, old);
  auto elsewhere = cost::find_or_make(owner("cost.reload"), "[ENDPOINT: /q]", 1);
  EXPECT_NE(elsewhere, old);
  auto more_workers = cost::find_or_make(owner("cost.reload"), "[ENDPOINT: /r]", 4);
  EXPECT_NE(more_workers, old);
  EXPECT_EQ(more_workers->workers(), 4u);
}

TEST(CostTest, WhatPlacesCountedThatAreGoneStaysWithTheirPlugin) {
  FakeWorker w;
  for (int i = 0; i < 3; ++i) {
    auto account = cost::find_or_make(owner("cost.gone"), "[ENDPOINT: /" + std::to_string(i) + "]", 1);
    Place place = place_of(*account);
    { PlaceScope scope{&place, HookKind::on_request}; }
  }
  auto left = rows("cost.gone");
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].place, "");
  EXPECT_EQ(left[0].sum().calls, 3u);
}

TEST(CostTest, StatusNamesPluginPlaceAndHook) {
  FakeWorker w;
  auto cheap = cost::find_or_make(owner("cost.status"), "[ENDPOINT: /cheap]", 1);
  auto dear = cost::find_or_make(owner("cost.status"), "[ENDPOINT: /dear]", 1);
  Place a = place_of(*cheap), b = place_of(*dear);
  { PlaceScope scope{&a, HookKind::on_request}; }
  {
    PlaceScope scope{&b, HookKind::on_response};
    spend(3'000'000);
  }
  count_error(b, HookKind::on_response, *w.worker);

  auto root = boost::json::parse(cost::status_json()).as_object();
  EXPECT_TRUE(root.at("stalls").is_array());
  const boost::json::object* plugin = nullptr;
  for (auto& p : root.at("plugins").as_array())
    if (p.at("plugin") == "cost.status") plugin = &p.as_object();
  ASSERT_TRUE(plugin);
  EXPECT_EQ(plugin->at("version"), "1.0.0");
  EXPECT_EQ(plugin->at("calls").to_number<uint64_t>(), 2u);
  auto& places = plugin->at("places").as_array();
  ASSERT_EQ(places.size(), 2u);
  EXPECT_EQ(places[0].at("place"), "[ENDPOINT: /dear]") << "the most expensive first";
  EXPECT_EQ(places[0].at("binding"), "t/x");
  EXPECT_EQ(places[0].at("longest_hook"), "on_response");
  EXPECT_EQ(places[0].at("hooks").at("on_response").at("errors").to_number<uint64_t>(), 1u);

  auto least = boost::json::parse(cost::status_json(1)).as_object();
  for (auto& p : least.at("plugins").as_array())
    if (p.at("plugin") == "cost.status") {
      EXPECT_EQ(p.at("places").as_array().size(), 1u);
      EXPECT_EQ(p.at("more_places").to_number<uint64_t>(), 1u);
      EXPECT_EQ(p.at("calls").to_number<uint64_t>(), 2u);
    }
  const std::string text = cost::status_text();
  EXPECT_NE(text.find("cost.status 1.0.0 t/x [ENDPOINT: /dear]\n"), std::string::npos) << text;
  EXPECT_NE(cost::status_text(1).find(" more\n"), std::string::npos);
}

TEST(CostTest, TheFiguresAreMetricsWithLabels) {
  FakeWorker w;
  auto account = cost::find_or_make(owner("cost.metrics"), "[ENDPOINT: /m]", 1);
  Place place = place_of(*account);
  {
    PlaceScope scope{&place, HookKind::on_request};
    spend(1'000'000);
  }
  double seconds = 0;
  int found = 0;
  for (const metrics::Snapshot& s : metrics::snapshot()) {
    if (s.labels.empty() || s.labels[0].second != "cost.metrics") continue;
    EXPECT_EQ(s.labels[3], (std::pair<std::string, std::string>{"place", "[ENDPOINT: /m]"}));
    EXPECT_EQ(s.labels[4], (std::pair<std::string, std::string>{"hook", "on_request"}));
    ++found;
    if (s.definition->name == "sluice_plugin_hook_calls_total") {
      EXPECT_EQ(s.value, 1);
    }
    if (s.definition->name == "sluice_plugin_hook_seconds_total") seconds = static_cast<double>(s.value) * s.definition->scale;
  }
  EXPECT_EQ(found, 9);
  EXPECT_GE(seconds, 0.00099);
}

TEST(CostTest, HookNamesAreThoseOfTheHeader) {
  EXPECT_EQ(to_string(HookKind::on_request), "on_request");
  EXPECT_EQ(to_string(HookKind::pick), "pick");
  EXPECT_EQ(to_string(HookKind::worker_start), "worker_start");
  EXPECT_EQ(to_string(HookKind::log_flush), "log_flush");
  EXPECT_EQ(to_string(HookKind::log_level), "log_level");
  EXPECT_EQ(to_string(HookKind::export_state), "export_state");
  EXPECT_EQ(to_string(HookKind::import_state), "import_state");
}

TEST(CostTest, EveryKindOfHookHasACell) {
  FakeWorker w;
  for (uint32_t k = 1; k < kHookKinds; ++k) {
    auto account = cost::find_or_make(owner("cost.kinds"), "[ENDPOINT: /" + std::to_string(k) + "]", 1);
    Place place = place_of(*account);
    { PlaceScope scope{&place, static_cast<HookKind>(k)}; }
    EXPECT_EQ(account->totals()[k].calls, 1u) << to_string(static_cast<HookKind>(k));
    std::thread{[&] { PlaceScope scope{&place, static_cast<HookKind>(k)}; }}.join();
    EXPECT_EQ(account->totals()[k].calls, counts_outside(static_cast<HookKind>(k)) ? 2u : 1u) << to_string(static_cast<HookKind>(k));
  }
}

TEST(CostTest, APostedFunctionIsThePluginsThatPostedIt) {
  FakeWorker w;
  auto account = cost::find_or_make(owner("cost.post"), "[ENDPOINT: /p]", 1);
  Place place = place_of(*account);
  static HookKind seen;
  seen = HookKind::none;
  {
    PlaceScope scope{&place, HookKind::on_request};
    kLoopService.post(w.worker.get(), [](void*) noexcept { seen = hook_state.kind(); }, nullptr);
  }
  w.until([] { return seen != HookKind::none; });
  EXPECT_EQ(seen, HookKind::post);
  EXPECT_EQ(of(*account, HookKind::post).calls, 1u);
}

TEST(DurationTest, IsReadAtAGlance) {
  const std::pair<uint64_t, const char*> cases[] = {{0, "0 ns"}, {9'999, "9999 ns"}, {12'345, "12.3 us"}, {9'999'999, "10000.0 us"},
                                                    {10'000'000, "10.0 ms"}, {90'000'000'000, "90.0 s"}};
  for (const auto& [ns, text] : cases)
    EXPECT_EQ(cost::duration(ns), text) << ns;
}

}  // namespace
}  // namespace sluice::plugin
