#include "core/plugin/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "tests/unit/plugin/fake.h"

namespace sluice::plugin {
namespace {

using testing::FakeWorker;
using testing::kTestHost;
using testing::S;

const slc_metrics_api& api = kMetricsService;

TEST(MetricsTest, DefinitionsAreOnePerPluginAndName) {
  slc_metric_id a = api.counter(&kTestHost, S("requests_total"), S("all of them"));
  ASSERT_NE(a, 0u);
  EXPECT_EQ(api.counter(&kTestHost, S("requests_total"), S("")), a);
  EXPECT_EQ(api.gauge(&kTestHost, S("requests_total"), S("")), 0u);  // another kind
  Host other{"other.plugin"};
  EXPECT_NE(api.counter(&other, S("requests_total"), S("")), a);
  EXPECT_EQ(api.counter(&kTestHost, S(""), S("")), 0u);
}

TEST(MetricsTest, ReadSumsOverWorkersAndKeepsWhatEndedWorkersCounted) {
  slc_metric_id id = api.counter(&kTestHost, S("sum"), S(""));
  {
    FakeWorker w0{0, 2}, w1{1, 2};
    api.add(w0.worker.get(), id, 3);
    api.add(w1.worker.get(), id, 4);
    EXPECT_EQ(api.read(&kTestHost, id), 7);
  }
  EXPECT_EQ(api.read(&kTestHost, id), 7);
  FakeWorker w;
  api.add(w.worker.get(), id, -2);
  EXPECT_EQ(api.read(&kTestHost, id), 5);
  EXPECT_EQ(api.read(&kTestHost, 0), 0);
  EXPECT_EQ(api.read(&kTestHost, 16000), 0);
}

TEST(MetricsTest, HistogramsCountIntoTheBucketWhoseBoundIsNotExceeded) {
  const double bounds[] = {1, 2.5};
  slc_metric_id id = api.histogram(&kTestHost, S("latency"), S(""), bounds, 2);
  FakeWorker w;
  for (double v : {0.5, 1.0, 2.0, 100.0, std::nan("")}) api.observe(w.worker.get(), id, v);
  api.add(w.worker.get(), id, 50);  // no counter: no effect
  EXPECT_EQ(api.read(&kTestHost, id), 4);
  auto all = metrics::snapshot();
  auto it = std::find_if(all.begin(), all.end(), [](const metrics::Snapshot& s) { return s.definition->name == "latency"; });
  ASSERT_NE(it, all.end());
  EXPECT_EQ(it->buckets, (std::vector<int64_t>{2, 1, 1}));
  EXPECT_DOUBLE_EQ(it->sum, 103.5);
  EXPECT_EQ(it->definition->plugin, "test.plugin");
  const double unsorted[] = {2, 1};
  EXPECT_EQ(api.histogram(&kTestHost, S("unsorted"), S(""), unsorted, 2), 0u);
  EXPECT_EQ(api.histogram(&kTestHost, S("latency"), S(""), bounds, 1), 0u);  // other bounds
}

TEST(MetricsTest, UnknownIdsHaveNoEffect) {
  FakeWorker w;
  api.add(w.worker.get(), 0, 1);
  api.add(w.worker.get(), 16001, 1);
  api.add(w.worker.get(), ~0u, 1);
  api.observe(w.worker.get(), ~0u, 1);
}

TEST(MetricsTest, DefinitionsMayGrowWhileWorkersCount) {
  FakeWorker w;
  slc_metric_id first = api.counter(&kTestHost, S("grow_0"), S(""));
  std::atomic<bool> stop{false};
  std::thread reader{[&] {
    while (!stop) metrics::snapshot();
  }};
  for (int i = 1; i < 2000; ++i) {
    slc_metric_id id = api.counter(&kTestHost, S("grow_" + std::to_string(i)), S(""));
    api.add(w.worker.get(), id, 1);
    api.add(w.worker.get(), first, 1);
  }
  stop = true;
  reader.join();
  EXPECT_EQ(api.read(&kTestHost, first), 1999);
}

}  // namespace
}  // namespace sluice::plugin
