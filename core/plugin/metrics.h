// Metrics that plugins define (slc_metrics_api): one definition per (plugin, name) for the life of the process, one shard of
// plain values per worker. Workers write their own shard with relaxed loads and stores, readers sum over all shards.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/worker.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

namespace metrics {

enum class Kind : uint8_t { counter, gauge, histogram };

struct Definition {
  std::string plugin, name, help;
  Kind kind = Kind::counter;
  std::vector<double> bounds;  // histogram: upper bounds, without +Inf
  double scale = 1;            // of a figure of the gateway itself: exporters multiply with it (nanoseconds → seconds); one over a whole number
  uint32_t first = 0;          // cell; a histogram has bounds + 1 buckets and the sum
  uint32_t cells() const { return kind == Kind::histogram ? static_cast<uint32_t>(bounds.size()) + 2 : 1; }
};

constexpr uint32_t kMaxMetrics = 16384, kMaxBounds = 64;

// [any] The same (plugin, name) gives the same id. 0: no name, another kind or other bounds under this name, or too many.
slc_metric_id define(std::string_view plugin, std::string_view name, std::string_view help, Kind, std::span<const double> bounds);
// [any] nullptr: no such metric.
const Definition* find(slc_metric_id);

// Shards that readers sum over. What a detached shard counted is kept. [main thread]
void attach(MetricShard*);
void detach(MetricShard*);

// [any] Counter, gauge: the sum; histogram: the number of observations.
int64_t read(slc_metric_id);

// [any] Everything there is, in order of definition, then what the gateway counts about plugins (cost.h): for exporters.
struct Snapshot {
  const Definition* definition = nullptr;  // lives as long as the process
  int64_t value = 0;                       // histogram: number of observations
  double sum = 0;                          // histogram
  std::vector<int64_t> buckets;            // histogram: per bound and +Inf, not cumulated
  std::vector<std::pair<std::string, std::string>> labels;
};
std::vector<Snapshot> snapshot();

}  // namespace metrics

// Values of one worker. add and observe: [worker]; value: [any].
class MetricShard {
 public:
  static constexpr uint32_t kChunk = 1024, kChunks = 256;
  MetricShard() = default;
  ~MetricShard();
  MetricShard(const MetricShard&) = delete;
  MetricShard& operator=(const MetricShard&) = delete;

  void add(slc_metric_id, int64_t);     // no effect on a histogram or an unknown id
  void observe(slc_metric_id, double);  // no effect on others than histograms, nor for NaN
  int64_t value(uint32_t cell) const;

 private:
  using Cell = std::atomic<int64_t>;
  Cell* cell(uint32_t index);
  std::array<std::atomic<Cell*>, kChunks> chunks_{};
};

}  // namespace sluice::plugin
