// test/count: answers with everything that is counted somewhere: by the process (shared block), by this worker (PerWorker), by
// the metrics. Takes a token of the process's limiter first and answers 429 without one.
#include <sluice/plugin.hpp>

namespace {

class Count {
 public:
  static constexpr auto name = "test/count";
  static constexpr auto scopes = sluice::scope::endpoint;
  static constexpr int32_t stage = 400;

  struct PerWorker {
    uint64_t seen = 0;
  };
  struct Shared {
    std::atomic<uint64_t> seen;
    std::atomic<uint32_t> workers;  // a bit for each that served
  };

  explicit Count(sluice::Setup& setup)
      : shared_{setup.shared<Shared>("seen")},
        limiter_{setup.limiter(setup.unique_key(), 0.0001, static_cast<double>(setup.integer("tokens", 1'000'000)), std::chrono::milliseconds{0})},
        requests_{setup.counter("test_requests_total", "Requests that were counted")},
        inside_{setup.gauge("test_inside", "Requests between two hooks")},
        sizes_{setup.histogram("test_sizes", "Path lengths", std::array{1.0, 10.0, 100.0})},
        by_client_{setup.header("X-Client")} {}

  sluice::Action on_request(sluice::Exchange x, PerWorker& mine) const {
    if (!limiter_.take(x.header(by_client_))) return x.reply(429);
    inside_.add(x, 1);
    requests_.add(x);
    sizes_.observe(x, static_cast<double>(x.path().size()));
    ++mine.seen;
    shared_->seen.fetch_add(1, std::memory_order_relaxed);
    shared_->workers.fetch_or(1u << x.worker().index(), std::memory_order_relaxed);
    const auto& metrics = *x.services().metrics;
    const auto read = [&](slc_metric_id id) { return std::to_string(metrics.read(x.services().host, id)); };
    const std::string text = R"({"shared":)" + std::to_string(shared_->seen.load()) + R"(,"worker":)" + std::to_string(x.worker().index()) +
                             R"(,"of":)" + std::to_string(x.worker().count()) + R"(,"mine":)" + std::to_string(mine.seen) +
                             R"(,"workers":)" + std::to_string(shared_->workers.load()) + R"(,"counter":)" + read(requests_.id()) +
                             R"(,"gauge":)" + read(inside_.id()) + R"(,"histogram":)" + read(sizes_.id()) + "}";
    return x.reply(200, text);
  }
  void on_done(sluice::Exchange x) const {
    if (x.status() == 200) inside_.add(x, -1);
  }

 private:
  Shared* shared_;
  sluice::Limiter limiter_;
  sluice::Counter requests_;
  sluice::Gauge inside_;
  sluice::Histogram sizes_;
  sluice::Header by_client_;
};

}  // namespace

SLC_PLUGIN("test.counting", "1.0.0", Count)
