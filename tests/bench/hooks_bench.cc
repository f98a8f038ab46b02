// What a hook costs: one request through the whole pipeline of an endpoint that answers itself, without sockets, with no, one
// and ten empty middleware and with the key check of the plugin guide; each with and without the accounting of
// core/plugin/cost.h, and with the plugin in a process of its own (its real time tells: the other process works meanwhile). The
// difference between "ten" and "none", by twenty hooks, is the price of one.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "core/config/reader.h"
#include "core/http/client.h"
#include "core/pipeline/compile.h"
#include "core/pipeline/exchange.h"
#include "core/plugin/isolate/helper_process.h"

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
  // isolated: the id of a plugin, or nothing.
  Bench(const std::string& blocks, bool counted, const std::string& isolated) {
    const std::string file = std::string{std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp"} + "/hooks_bench-" + std::to_string(getpid()) + ".json";
    std::ofstream{file} << R"({"version": 3, "extra_config": {"router": {"disable_access_log": true}}, "endpoints": [{"endpoint": "/x", "extra_config": {)"
                        << blocks << R"("test/answer": {}}, "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/"}]}]})";
    config::ReadResult read = config::read_file(file, {});
    std::remove(file.c_str());
    plugin::ScanResult found;
    auto registry = std::make_unique<plugin::Registry>();
    if (!isolated.empty()) registry->isolate({{.name = isolated, .timeout_ms = 10'000, .helpers = 1, .memory_mb = 0, .pointer = {}}});
    registry->scan(SLC_BENCH_PLUGINS_FOLDER, ".so", found);
    registry->scan(SLC_PLUGINS_FOLDER, ".so", found);
    registry->finish(found);
    auto generation = pipeline::compile(read.partial, std::move(registry), {1, true, false}, read.report);
    for (const auto& refusal : found.refused) found.problems.push_back(refusal.message);
    if (!generation || !found.problems.empty()) {
      std::fprintf(stderr, "%s%s\n", read.report.format().c_str(), found.problems.empty() ? "" : found.problems[0].c_str());
      std::exit(1);
    }
    if (!counted)  // the switch that the gateway has not: what accounting costs is the difference
      for (auto& object : generation->objects) const_cast<plugin::Place&>(object->place()).account = nullptr;
    plugin::register_worker(&worker_);
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
    while (plan_->running) uv_run(loop_.uv(), UV_RUN_ONCE);  // it waits for another process
    return stream_.status;
  }

 private:
  loop::Loop loop_;
  http::Client client_{loop_, {}, 1};
  slc_worker worker_{loop_, client_, 0, 1};
  std::unique_ptr<pipeline::WorkerPlan> plan_;
  BenchStream stream_{loop_.blocks()};
};

void run(benchmark::State& state, const std::string& blocks, const std::string& plugin = {}) {
  Bench bench{blocks, state.range(0) != 0, state.range(1) ? plugin : std::string{}};
  for (auto _ : state)
    if (bench.serve() != 200) return state.SkipWithError("the endpoint did not answer 200");
}

std::string empties(int n) {
  std::string blocks;
  for (int i = 0; i < n; ++i) blocks += "\"test/empty-" + std::to_string(i) + "\": {}, ";
  return blocks;
}

void none(benchmark::State& s) { run(s, ""); }
void one_empty(benchmark::State& s) { run(s, empties(1), "test.empty"); }
void ten_empty(benchmark::State& s) { run(s, empties(10), "test.empty"); }
void api_key(benchmark::State& s) { run(s, R"("test/api-key": {"key": "open sesame"}, )", "test.api-key"); }

const std::vector<std::string> kNames{"counted", "isolated"};
BENCHMARK(none)->ArgNames(kNames)->Args({0, 0})->Args({1, 0});
BENCHMARK(one_empty)->ArgNames(kNames)->Args({0, 0})->Args({1, 0});
BENCHMARK(ten_empty)->ArgNames(kNames)->Args({0, 0})->Args({1, 0});
BENCHMARK(api_key)->ArgNames(kNames)->Args({0, 0})->Args({1, 0});
BENCHMARK(one_empty)->ArgNames(kNames)->Args({1, 1})->UseRealTime();
BENCHMARK(ten_empty)->ArgNames(kNames)->Args({1, 1})->UseRealTime();
BENCHMARK(api_key)->ArgNames(kNames)->Args({1, 1})->UseRealTime();

}  // namespace
}  // namespace sluice

int main(int count, char** values) {
  // An isolated plugin's process is this program again.
  if (count > 1 && std::strcmp(values[1], "isolate-helper") == 0) return sluice::plugin::isolate::helper_main(count, values);
  benchmark::Initialize(&count, values);
  if (benchmark::ReportUnrecognizedArguments(count, values)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
