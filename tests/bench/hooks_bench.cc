// What a hook costs: one request through the whole pipeline of an endpoint that answers itself, without sockets, with no, one
// and ten empty middleware and with the key check of the plugin guide; each with and without the accounting of
// core/plugin/cost.h. The difference between "ten" and "none", by twenty hooks, is the price of one.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "core/config/reader.h"
#include "core/http/client.h"
#include "core/pipeline/compile.h"
#include "core/pipeline/exchange.h"

namespace sluice {
namespace {

// One request that is there at once, and an answer that goes nowhere.
class BenchStream final : public http::Stream {
 public:
  explicit BenchStream(BlockPool& pool) : arena_{pool} {}
  void begin() {
    arena_.reset();
    head_.method = "GET", head_.target = head_.path = "/x", head_.host = "localhost";
    head_.headers.bind(arena_);
    head_.headers.add("Host", "localhost");
    head_.headers.add("X-Api-Key", "open sesame");
    status = 0;
  }
  Arena& arena() override { return arena_; }
  const http::RequestHead& head() override { return head_; }
  std::string_view peer_ip() override { return "127.0.0.1"; }
  bool secure() override { return false; }
  void set_owner(http::StreamOwner*) override {}
  bool body_complete() override { return true; }
  http::Slice body() override { return {}; }
  void read_body() override {}
  void pause_body() override {}
  void resume_body() override {}
  void respond(const http::ResponseHead& h, http::Slices, http::Life) override { status = h.status; }
  void start(const http::ResponseHead& h, http::Slices, http::Life) override { status = h.status; }
  bool write(http::Slices, http::Life) override { return true; }
  void finish() override {}
  void abort() override {}
  void close_after() override {}
  bool started() override { return status != 0; }
  void release() override {}
  int status = 0;

 private:
  Arena arena_;
  http::RequestHead head_;
};

// A worker that serves this configuration of one endpoint.
class Bench {
 public:
  Bench(const std::string& blocks, bool counted) {
    const std::string file = std::string{std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp"} + "/hooks_bench-" + std::to_string(getpid()) + ".json";
    std::ofstream{file} << R"({"version": 3, "extra_config": {"router": {"disable_access_log": true}}, "endpoints": [{"endpoint": "/x", "extra_config": {)"
                        << blocks << R"("test/answer": {}}, "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/"}]}]})";
    config::ReadResult read = config::read_file(file, {});
    std::remove(file.c_str());
    plugin::ScanResult found;
    auto registry = std::make_unique<plugin::Registry>();
    registry->scan(SLC_BENCH_PLUGINS_FOLDER, ".so", found);
    registry->scan(SLC_PLUGINS_FOLDER, ".so", found);
    auto generation = pipeline::compile(read.partial, std::move(registry), {1, true, false}, read.report);
    if (!generation || !found.problems.empty()) {
      std::fprintf(stderr, "%s%s\n", read.report.format().c_str(), found.problems.empty() ? "" : found.problems[0].c_str());
      std::exit(1);
    }
    if (!counted)  // the switch that the gateway has not: what accounting costs is the difference
      for (auto& object : generation->objects) const_cast<plugin::Place&>(object->place()).account = nullptr;
    plan_ = std::make_unique<pipeline::WorkerPlan>(std::move(generation), worker_);
    if (!plan_->start()) std::exit(1);
  }
  ~Bench() {
    plan_->stop();
    plan_.reset();
    client_.close();
    loop_.stop();
    loop_.run();
  }
  int serve() {
    stream_.begin();
    pipeline::Exchange::begin(*plan_, stream_);
    return stream_.status;
  }

 private:
  loop::Loop loop_;
  http::Client client_{loop_, {}, 1};
  slc_worker worker_{loop_, client_, 0, 1};
  std::unique_ptr<pipeline::WorkerPlan> plan_;
  BenchStream stream_{loop_.blocks()};
};

void run(benchmark::State& state, const std::string& blocks) {
  Bench bench{blocks, state.range(0) != 0};
  for (auto _ : state)
    if (bench.serve() != 200) return state.SkipWithError("the endpoint did not answer 200");
}

std::string empties(int n) {
  std::string blocks;
  for (int i = 0; i < n; ++i) blocks += "\"test/empty-" + std::to_string(i) + "\": {}, ";
  return blocks;
}

void none(benchmark::State& s) { run(s, ""); }
void one_empty(benchmark::State& s) { run(s, empties(1)); }
void ten_empty(benchmark::State& s) { run(s, empties(10)); }
void api_key(benchmark::State& s) { run(s, R"("test/api-key": {"key": "open sesame"}, )"); }

BENCHMARK(none)->ArgName("counted")->Arg(0)->Arg(1);
BENCHMARK(one_empty)->ArgName("counted")->Arg(0)->Arg(1);
BENCHMARK(ten_empty)->ArgName("counted")->Arg(0)->Arg(1);
BENCHMARK(api_key)->ArgName("counted")->Arg(0)->Arg(1);

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
