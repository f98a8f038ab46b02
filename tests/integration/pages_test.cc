// What pages show running, run: the gateway with the page's configuration answers what the page says. tests/support/pages.h says how
// pages are marked.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/integration/name_server.h"
#include "tests/support/markdown.h"
#include "tests/support/pages.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
const fs::path kTree = SLC_SOURCE_FOLDER;

// Pages of what needs more than a backend: below, one by one.
constexpr std::string_view kOthers[] = {"plugins/dns/README.md", "docs/streaming.md"};

std::vector<PageRun> runs_on(const std::string& page) { return runs_of(read_file((kTree / page).string())); }

std::vector<std::string> pages_that_run() {
  std::vector<std::string> out;
  for (const fs::path& page : pages_below(kTree)) {
    const std::string name = fs::relative(page, kTree).string();
    if (std::find(std::begin(kOthers), std::end(kOthers), name) != std::end(kOthers)) continue;
    if (read_file(page.string()).find("\n<!-- run -->\n") != std::string::npos) out.push_back(name);
  }
  return out;
}

class PagesTest : public testing::TestWithParam<std::string> {};

TEST_P(PagesTest, AnswersAsItShows) {
  const auto runs = runs_on(GetParam());
  EXPECT_FALSE(runs.empty());
  for (const PageRun& run : runs) play(run, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Each, PagesTest, testing::ValuesIn(pages_that_run()), [](const auto& page) {
  std::string name = page.param.substr(0, page.param.rfind(".md"));
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

// The judge is judged, too.
TEST(PagesOfOthersTest, APageThatLiesIsFound) {
  const std::string page =
      "<!-- run -->\n```json\n{\"backend\": [{\"host\": [\"http://a\"], \"url_pattern\": \"/a\"}]}\n```\n<!-- backend: /a = {\"n\":1} -->\n"
      "```console\n$ curl localhost:8080/page\n";
  play(runs_of(page + "{\"n\":1}\n```\n").at(0), "true");
  EXPECT_NONFATAL_FAILURE(play(runs_of(page + "{\"n\":2}\n```\n").at(0), "untrue"), "{\"n\":2}");
  EXPECT_NONFATAL_FAILURE(play(runs_of(page + "{\"n\":1}\n```\n<!-- calls: /a 2 -->\n").at(0), "untrue"), "calls for /a");
  EXPECT_NONFATAL_FAILURE(play(runs_of(page + "{\"n\":1}\n```\n<!-- log -->\n```\nnever said\n```\n").at(0), "untrue"), "never said");
}

TEST(PagesOfOthersTest, ServiceDiscoveryFindsTheBackendAsItsPageSays) {
  if (dnsmasq().empty()) GTEST_SKIP() << "dnsmasq is missing (package dnsmasq-base)";
  const auto runs = runs_on("plugins/dns/README.md");
  ASSERT_EQ(runs.size(), 1u);
  const Json config = Json::parse_or_throw(runs[0].config, "the page");
  const std::string name = config.at("endpoints").items().at(0).at("backend").items().at(0).at("host").items().at(0).str();
  FakeUpstream up;
  up.on("*", [](const FakeUpstream::Request& r) { return Reply::json("{\"request\":\"" + r.method + " " + r.target + "\"}"); });
  NameServer dns({srv(up, 1, 1, name)});
  play(runs[0], "plugins/dns/README.md", {{"SLUICE_DNS_SERVERS", dns.address()}});
  EXPECT_EQ(up.requests().at(0).headers.get("Host"), "a.hosts.test:" + std::to_string(up.port()));
}

TEST(PagesOfOthersTest, AStreamPassesPieceByPieceAsItsPageSays) {
  const auto runs = runs_on("docs/streaming.md");
  ASSERT_EQ(runs.size(), 1u);
  PageGateway gateway{runs[0]};
  FakeUpstream& up = gateway.backend("http://quotes:8080");
  up.manual("/stream");
  TestClient client{gateway.port()};
  client.send_request("GET", "/ticks", {{"Accept", "text/event-stream"}, {"Last-Event-Id", "6"}, {"X-Other", "1"}});
  auto call = up.wait_for_request("/stream");
  EXPECT_EQ(call.request().headers.get("Accept"), "text/event-stream");
  EXPECT_EQ(call.request().headers.get("Last-Event-Id"), "6");
  EXPECT_FALSE(call.request().headers.has("X-Other"));
  call.send_head(200, {{"Content-Type", "text/event-stream"}});
  EXPECT_EQ(client.read_head().header("Content-Type"), "text/event-stream");
  for (const std::string event : {"id: 7\ndata: 41\n\n", "id: 8\ndata: 42\n\n"}) {
    call.send_piece(event);
    std::string got;
    while (got.size() < event.size()) got += client.next_piece();
    EXPECT_EQ(got, event) << "before the next one was sent";
  }
  call.finish();
  EXPECT_EQ(client.next_piece(), "");
}

TEST(PagesOfOthersTest, EveryPluginsPageRuns) {
  for (const auto& folder : fs::directory_iterator{kTree / "plugins"}) {
    if (!fs::exists(folder.path() / "README.md")) continue;
    const std::string page = "plugins/" + folder.path().filename().string() + "/README.md";
    EXPECT_FALSE(runs_on(page).empty()) << page << " has no configuration that runs";
  }
}

// Keys of a configuration, wherever they are.
void add_keys(const Json& json, std::set<std::string>& out) {
  for (const auto& [key, value] : json.members()) out.insert(key), add_keys(value, out);
  for (const Json& item : json.items()) add_keys(item, out);
}

TEST(PagesOfOthersTest, EveryKeyOfTheCoreStandsInAConfigurationThatRuns) {
  std::set<std::string> shown;
  for (const fs::path& page : pages_below(kTree))
    for (const PageRun& run : runs_of(read_file(page.string()))) add_keys(Json::parse_or_throw(run.config, page.string()), shown);
  // Run by aggregation_test.cc, sequence_test.cc, service_level_test.cc and routes_test.cc.
  for (const char* file : {"aggregation", "orders", "security"})
    add_keys(Json::parse_or_throw(read_file((kTree / "config" / (std::string(file) + ".json")).string()), file), shown);
  for (const CodeBlock& b : code_blocks(read_file((kTree / "docs/routing.md").string())))
    if (b.language == "json" && b.mark != "output") add_keys(Json::parse_or_throw(whole_configuration(b.text), "docs/routing.md"), shown);
  const std::set<std::string> others = {
      // Run by tests of their own, with folders, keys and builds that no page can have: plugins_tool_test.cc, swap_test.cc,
      // isolate_test.cc.
      "plugin", "folder", "pattern", "lock", "public_key", "trial", "share", "max_error_rate", "min_requests", "duration",
      "watchdog_ms", "rehearsal_ms", "isolate", "helpers", "memory_mb",
      // Without effect, or refused.
      "async_agent", "sequential_start", "combiner", "decompress_gzip", "disable_gzip", "max_payload", "max_multipart_memory",
      "prefer_server_cipher_suites",
  };
  std::set<std::string> read = keys_read_by_core(kTree);
  EXPECT_GT(read.size(), 80u);
  for (const std::string& key : read)
    EXPECT_TRUE(shown.count(key) + others.count(key) > 0) << key << " stands in no configuration that runs";
}

}  // namespace
}  // namespace sluice::test
