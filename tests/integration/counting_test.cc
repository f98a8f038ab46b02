// The cost of a request in things that can be counted exactly: system calls and allocations. (Time is the benchmark's matter.)
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/integration/gateway_config.h"
#include "tests/integration/plugins/plugin_folder.h"
#include "tests/support/malloc_counter.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

constexpr int kWarmUp = 300, kCounted = 200;
// As many lines of the access log fit into a thread's first queue however long the logging thread lets them wait.
constexpr int kLinesAtOnce = 20;

std::string document(int number, size_t size) {
  std::string out = R"({"id":)" + std::to_string(number) + R"(,"name":"product","price":12.5,"tags":["a","b"])";
  for (int i = 0; out.size() + 40 < size; ++i) out += ",\"field_" + std::to_string(number) + "_" + std::to_string(i) + R"(":"value number")";
  return out + "}";
}

// Ten middleware that do nothing in two hooks each: what is counted is the gateway's own work for a chain.
std::string ten_empty() {
  std::vector<std::pair<std::string, std::string>> chain;
  for (int i = 0; i < 10; ++i) chain.emplace_back("test/empty-" + std::to_string(i), "");
  return extra(chain) + ", ";
}

std::string scenarios(const std::string& url) {
  const std::string small = backend_of(url, "/small", R"("encoding": "no-op")");
  // Accounts of answers are switched on: who does not ask for one does not pay for it.
  const std::string config = config_of(no_op_endpoint("/noop-small", small) + "," + no_op_endpoint("/hooks-empty", small, ten_empty()) + "," +
                   endpoint_of("/json-small", backend_of(url, "/small")) + "," +
                   endpoint_of("/merge-2", backend_of(url, "/doc1") + "," + backend_of(url, "/doc2")));
  return replace_all(config, R"("extra_config": {"router")", R"("extra_config": {"sluice": {"explain": {}}, "router")");
}

enum class AccessLog : bool { off, on };

// With the middleware of tests/bench beside the product's plugins.
GatewayOptions with_empty_hooks(const FakeUpstream& up, const PluginFolder& plugins, AccessLog access_log) {
  std::string config = scenarios(up.url());
  if (access_log == AccessLog::on) {
    const std::string switched = replace_all(config, R"("disable_access_log": true)", "");
    if (switched == config) throw Failure("the access log is on already");
    config = switched;
  }
  GatewayOptions options = options_of(config);
  options.arguments = {"--strict", "--plugins", plugins.path()};
  return options;
}

void serve_documents(FakeUpstream& up) {
  up.on("/small", Reply::json(document(0, 300)));
  up.on("/doc1", Reply::json(document(1, 1000)));
  up.on("/doc2", Reply::json(document(2, 1000)));
}

// Where each leaves a line in the access log, waits for the lines again and again, so that none of them meets a queue that has to grow.
// `mark` tells those lines from others.
void send_many(TestClient& client, GatewayProcess& gateway, AccessLog access_log, const std::string& path, int n, const std::string& mark) {
  if (access_log == AccessLog::off) {
    for (int i = 0; i < n; ++i) ASSERT_EQ(client.get(path).status, 200);
    return;
  }
  for (int sent = 0; sent < n;) {
    std::string last;
    for (int i = 0; i < kLinesAtOnce && sent < n; ++i, ++sent) {
      last = path + "?" + mark + "=" + std::to_string(sent);
      ASSERT_EQ(client.get(last).status, 200);
    }
    gateway.process().wait_for_output("\"" + last + "\"\n");
  }
}

struct Calls {
  int reads = 0, writes = 0, epoll_ctl = 0;
};

// System calls of the gateway while `work` runs. nullopt: strace is missing or may not attach here; `why` says which.
template <class Work>
std::optional<Calls> count_calls(GatewayProcess& gateway, Work work, std::string& why, std::string& trace) {
  std::string file = gateway.folder().path() + "/trace";
  Process strace({"strace", "-f", "-yy", "-o", file, "-e", "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,sendmmsg,epoll_ctl",
                  "-p", std::to_string(gateway.pid())}, clean_environment({}));
  try {
    strace.wait_for_output("attached");
  } catch (const Failure& e) {
    why = std::string("strace cannot attach: ") + e.what();
    return std::nullopt;
  }
  work();
  strace.signal(SIGINT);
  strace.wait();
  trace = read_file(file);
  Calls out;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    bool socket = line.find("<TCP:") != std::string::npos || line.find("<socket:") != std::string::npos;
    auto is = [&](std::initializer_list<const char*> names) {
      return std::any_of(names.begin(), names.end(), [&](const char* n) { return line.find(std::string(" ") + n + "(") != std::string::npos; });
    };
    if (is({"epoll_ctl"})) ++out.epoll_ctl;
    if (socket && is({"read", "readv", "recvfrom", "recvmsg"})) ++out.reads;
    if (socket && is({"write", "writev", "sendto", "sendmsg", "sendmmsg"})) ++out.writes;
  }
  return out;
}

class SystemCallsTest : public ::testing::TestWithParam<std::tuple<const char*, int>> {
 protected:
  // Counts them in kCounted requests of this scenario, behind some that nobody counts.
  static void expect_the_fewest(AccessLog access_log) {
    if (const char* reason = instrumented_build()) GTEST_SKIP() << reason;
    auto [path, backends] = GetParam();
    FakeUpstream up;
    serve_documents(up);
    const PluginFolder plugins{{"empty"}};
    GatewayProcess gateway(with_empty_hooks(up, plugins, access_log));
    TestClient client(gateway.port());
    const auto send = [&, p = path](int n, const char* mark) { send_many(client, gateway, access_log, p, n, mark); };
    send(20, "warm");
    std::string why, trace;
    auto calls = count_calls(gateway, [&] { send(kCounted, "count"); }, why, trace);
    if (!calls) {
      // Said aloud: a count that nobody made must not look like one that was right.
      const char* without = std::getenv("SLUICE_NO_STRACE");
      if (without && std::string_view{without} == "1") GTEST_SKIP() << "SLUICE_NO_STRACE=1: " << why;
      FAIL() << why << "\nInstall strace, or allow it to attach (ptrace); where that cannot be, SLUICE_NO_STRACE=1 skips this test.";
    }
    std::string begin = trace.substr(0, 3000);
    EXPECT_EQ(calls->reads, kCounted * (1 + backends)) << begin;
    EXPECT_EQ(calls->writes, kCounted * (1 + backends)) << begin;
    EXPECT_EQ(calls->epoll_ctl, 0) << begin;
  }
};

// A small answer is one read and one write on each side, nothing is split, and no watcher is touched.
TEST_P(SystemCallsTest, ARequestCostsTheFewestPossible) { expect_the_fewest(AccessLog::off); }

// The default: one line for each request. The logging thread writes it, to no socket.
TEST_P(SystemCallsTest, ALineOfTheAccessLogCostsNoneOfThem) { expect_the_fewest(AccessLog::on); }

INSTANTIATE_TEST_SUITE_P(Scenarios, SystemCallsTest,
                         ::testing::Values(std::tuple{"/noop-small", 1}, std::tuple{"/hooks-empty", 1}, std::tuple{"/json-small", 1},
                                           std::tuple{"/merge-2", 2}),
                         [](const auto& i) { return std::string(std::get<0>(i.param)).substr(1, 4); });

class AllocationsTest : public ::testing::TestWithParam<const char*> {
 protected:
  // The page shared with the counter inside the gateway.
  static MallocPage* map(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
    if (::ftruncate(fd.get(), sizeof(MallocPage)) != 0) throw Failure("ftruncate");
    void* at = ::mmap(nullptr, sizeof(MallocPage), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) throw Failure("mmap");
    return static_cast<MallocPage*>(at);
  }
  // Call stacks as module+offset, for addr2line -Cfe MODULE OFFSET.
  static std::string stacks(const MallocPage& page, pid_t pid) {
    struct Range {
      uintptr_t begin, end, offset;
      std::string file;
    };
    std::vector<Range> ranges;
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
      Range r;
      std::string permissions, device, inode;
      char dash;
      std::istringstream in(line);
      in >> std::hex >> r.begin >> dash >> r.end >> permissions >> r.offset >> device >> inode >> r.file;
      ranges.push_back(r);
    }
    std::ostringstream out;
    for (size_t t = 0; t < std::min<size_t>(page.traced, MallocPage::kTraces); ++t) {
      out << "allocation " << t << ":\n";
      for (uintptr_t frame : page.frames[t]) {
        for (const Range& r : ranges) {
          if (frame >= r.begin && frame < r.end) out << "  " << r.file << " +0x" << std::hex << frame - r.begin + r.offset << std::dec << "\n";
        }
      }
    }
    return out.str();
  }
  // Counts them in kCounted requests of this scenario to a gateway that is warm.
  static void expect_none(AccessLog access_log) {
    if (const char* reason = instrumented_build()) GTEST_SKIP() << reason;
    FakeUpstream up;
    serve_documents(up);
    TempFolder folder;
    MallocPage* page = map(folder.path() + "/page");
    const PluginFolder plugins{{"empty"}};
    GatewayOptions options = with_empty_hooks(up, plugins, access_log);
    options.environment = {{"LD_PRELOAD", malloc_counter_library()}, {"SLC_MALLOC_PAGE", folder.path() + "/page"}};
    GatewayProcess gateway(options);
    TestClient client(gateway.port());
    EXPECT_GT(page->allocations.load(), 0u) << "the counter is not there: this test would prove nothing";
    // A few long lines make the logging thread's buffers larger than any number of later lines needs them.
    if (access_log == AccessLog::on) send_many(client, gateway, access_log, GetParam(), kLinesAtOnce, std::string(4000, 'x'));
    send_many(client, gateway, access_log, GetParam(), kWarmUp, "warm");
    page->armed = 1;
    uint64_t before = page->allocations.load();
    send_many(client, gateway, access_log, GetParam(), kCounted, "count");
    uint64_t added = page->allocations.load() - before;
    page->armed = 0;
    EXPECT_EQ(added, 0u) << "in " << kCounted << " requests\n" << stacks(*page, gateway.pid());
    ::munmap(page, sizeof(MallocPage));
  }
};

TEST_P(AllocationsTest, AWarmedUpRequestAllocatesNothing) { expect_none(AccessLog::off); }

// The default: one line for each request. All threads are counted, the logging thread with them.
TEST_P(AllocationsTest, NorDoesItsLineOfTheAccessLog) { expect_none(AccessLog::on); }

INSTANTIATE_TEST_SUITE_P(Scenarios, AllocationsTest, ::testing::Values("/noop-small", "/hooks-empty", "/json-small", "/merge-2"),
                         [](const auto& i) { return std::string(i.param).substr(1, 4); });

}  // namespace
}  // namespace sluice::test
