#include "core/plugin/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>

#include "core/plugin/cost_status.h"

namespace sluice::plugin {
namespace metrics {
namespace {

std::array<std::atomic<const Definition*>, kMaxMetrics> definitions{};  // by id - 1; read without a lock

struct Book {
  std::mutex mutex;
  std::vector<std::unique_ptr<Definition>> all;
  std::map<std::pair<std::string, std::string>, slc_metric_id> by_name;
  uint32_t cells = 0;
  std::vector<MetricShard*> shards;
  std::vector<int64_t> base;     // per cell: what detached shards counted
};
Book& book() {
  static auto* b = new Book;  // workers may outlive static destruction
  return *b;
}

double as_double(int64_t bits) { return std::bit_cast<double>(bits); }

int64_t sum_of(const Book& b, uint32_t cell) {
  int64_t n = cell < b.base.size() ? b.base[cell] : 0;
  for (const MetricShard* s : b.shards) n += s->value(cell);
  return n;
}

double double_sum_of(const Book& b, uint32_t cell) {
  double n = cell < b.base.size() ? as_double(b.base[cell]) : 0;
  for (const MetricShard* s : b.shards) n += as_double(s->value(cell));
  return n;
}

Snapshot snapshot_of(const Book& b, const Definition& d) {
  Snapshot s;
  s.definition = &d;
  if (d.kind != Kind::histogram) {
    s.value = sum_of(b, d.first);
    return s;
  }
  for (uint32_t i = 0; i <= d.bounds.size(); ++i) {
    s.buckets.push_back(sum_of(b, d.first + i));
    s.value += s.buckets.back();
  }
  s.sum = double_sum_of(b, d.first + d.cells() - 1);
  return s;
}

bool valid_bounds(std::span<const double> bounds) {
  for (size_t i = 0; i < bounds.size(); ++i)
    if (!std::isfinite(bounds[i]) || (i && bounds[i] <= bounds[i - 1])) return false;
  return bounds.size() <= kMaxBounds;
}

}  // namespace

slc_metric_id define(std::string_view plugin, std::string_view name, std::string_view help, Kind kind,
                     std::span<const double> bounds) {
  if (name.empty() || name.size() > 200 || !valid_bounds(bounds)) return 0;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  auto key = std::make_pair(std::string{plugin}, std::string{name});
  if (auto it = b.by_name.find(key); it != b.by_name.end()) {
    const Definition& d = *b.all[it->second - 1];
    return d.kind == kind && std::equal(d.bounds.begin(), d.bounds.end(), bounds.begin(), bounds.end()) ? it->second : 0;
  }
  auto d = std::make_unique<Definition>();
  d->plugin = plugin, d->name = name, d->help = help, d->kind = kind;
  d->bounds.assign(bounds.begin(), bounds.end());
  d->first = b.cells;
  if (b.all.size() == kMaxMetrics || b.cells + d->cells() > MetricShard::kChunk * MetricShard::kChunks) return 0;
  b.cells += d->cells();
  definitions[b.all.size()].store(d.get(), std::memory_order_release);
  b.all.push_back(std::move(d));
  auto id = static_cast<slc_metric_id>(b.all.size());
  b.by_name.emplace(std::move(key), id);
  return id;
}

const Definition* find(slc_metric_id id) {
  return id == 0 || id > kMaxMetrics ? nullptr : definitions[id - 1].load(std::memory_order_acquire);
}

void attach(MetricShard* s) {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  if (std::find(b.shards.begin(), b.shards.end(), s) == b.shards.end()) b.shards.push_back(s);
}

void detach(MetricShard* s) {
  Book& b = book();
  std::lock_guard lock{b.mutex};
  auto it = std::find(b.shards.begin(), b.shards.end(), s);
  if (it == b.shards.end()) return;
  b.shards.erase(it);
  b.base.resize(b.cells);
  for (const auto& d : b.all)
    for (uint32_t i = 0; i < d->cells(); ++i) {
      int64_t& base = b.base[d->first + i];
      if (d->kind == Kind::histogram && i + 1 == d->cells())
        base = std::bit_cast<int64_t>(as_double(base) + as_double(s->value(d->first + i)));
      else
        base += s->value(d->first + i);
    }
}

int64_t read(slc_metric_id id) {
  const Definition* d = find(id);
  if (!d) return 0;
  Book& b = book();
  std::lock_guard lock{b.mutex};
  return snapshot_of(b, *d).value;
}

std::vector<Snapshot> snapshot() {
  std::vector<Snapshot> all;
  Book& b = book();
  {
    std::lock_guard lock{b.mutex};
    all.reserve(b.all.size());
    for (const auto& d : b.all) all.push_back(snapshot_of(b, *d));
  }
  cost::append_metrics(all);
  return all;
}

}  // namespace metrics

MetricShard::~MetricShard() {
  for (auto& c : chunks_) delete[] c.load(std::memory_order_relaxed);
}

MetricShard::Cell* MetricShard::cell(uint32_t index) {
  auto& chunk = chunks_[index / kChunk];
  Cell* cells = chunk.load(std::memory_order_relaxed);
  if (!cells) [[unlikely]] {
    cells = new Cell[kChunk]();
    chunk.store(cells, std::memory_order_release);
  }
  return &cells[index % kChunk];
}

int64_t MetricShard::value(uint32_t index) const {
  const Cell* cells = chunks_[index / kChunk].load(std::memory_order_acquire);
  return cells ? cells[index % kChunk].load(std::memory_order_relaxed) : 0;
}

void MetricShard::add(slc_metric_id id, int64_t n) {
  const metrics::Definition* d = metrics::find(id);
  if (!d || d->kind == metrics::Kind::histogram) return;
  Cell* c = cell(d->first);
  c->store(c->load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // one writer: no read-modify-write needed
}

void MetricShard::observe(slc_metric_id id, double v) {
  const metrics::Definition* d = metrics::find(id);
  if (!d || d->kind != metrics::Kind::histogram || std::isnan(v)) return;
  uint32_t i = 0;
  while (i < d->bounds.size() && v > d->bounds[i]) ++i;
  Cell* c = cell(d->first + i);
  c->store(c->load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  c = cell(d->first + d->cells() - 1);
  double sum = std::bit_cast<double>(c->load(std::memory_order_relaxed)) + v;
  c->store(std::bit_cast<int64_t>(sum), std::memory_order_relaxed);
}

}  // namespace sluice::plugin
