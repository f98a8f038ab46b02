// sluice check-plugin: every way to misbehave has its finding, and well-behaved plugins have none.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/gateway_process.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
constexpr Limit kCheckLimit = std::chrono::minutes(4);

std::string fixture(const std::string& name) { return std::string{SLC_MISBEHAVING_FOLDER} + "/" + name + ".so"; }

struct Found {
  int code;
  std::vector<Json> findings;
  std::string output;
  bool has(std::string_view check, std::string_view state, std::string_view text) const {
    for (const Json& f : findings)
      if (f.at("check").str() == check && f.at("state").str() == state && f.at("text").str().find(text) != std::string::npos) return true;
    return false;
  }
  size_t count(std::string_view state) const {
    size_t n = 0;
    for (const Json& f : findings) n += f.at("state").str() == state;
    return n;
  }
};

Found check(const std::vector<std::string>& files, const std::vector<std::string>& more = {}) {
  std::vector<std::string> argv{gateway_binary(), "check-plugin", "--json", "--plugins", plugins_folder()};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.insert(argv.end(), files.begin(), files.end());
  const Ran ran = run_program(argv, kCheckLimit);
  Found out{ran.code, {}, ran.output};
  for (size_t at = 0, end; (end = ran.output.find('\n', at)) != std::string::npos; at = end + 1)
    if (auto line = Json::parse(std::string_view{ran.output}.substr(at, end - at))) out.findings.push_back(std::move(*line));
  return out;
}

struct Expected {
  const char *fixture, *check, *state, *text;
};
void PrintTo(const Expected& e, std::ostream* out) { *out << e.fixture; }

class MisbehaviourTest : public testing::TestWithParam<Expected> {};

TEST_P(MisbehaviourTest, HasItsFinding) {
  const Expected& e = GetParam();
  std::vector<std::string> more;
  if (std::string_view{e.fixture} == "loops_forever") more = {"--answer-ms", "700"};
  const Found found = check({fixture(e.fixture)}, more);
  EXPECT_TRUE(found.has(e.check, e.state, e.text)) << found.output;
  EXPECT_EQ(found.code, found.count("failed") ? 1 : 0) << found.output;
  EXPECT_TRUE(found.code == 1 || std::string_view{e.state} != "failed") << found.output;
}

INSTANTIATE_TEST_SUITE_P(
    CheckPlugin, MisbehaviourTest,
    testing::Values(
        Expected{"no_entry", "file", "failed", "does not export slc_plugin_entry"},
        Expected{"bad_magic", "load", "failed", "begins with 0x12345678"},
        Expected{"newer_major", "load", "failed", "built for plugin ABI"},
        Expected{"newer_minor", "load", "failed", "needs plugin ABI"},
        Expected{"short_entry", "load", "failed", "says that it has 40 bytes"},
        Expected{"missing_service", "load", "failed", "needs service sluice.stream/9"},
        Expected{"unknown_interface", "load", "failed", "bound to interface \"sluice.time-machine/1\""},
        Expected{"load_fails", "load", "failed", "no licence for the flux capacitor; and no plutonium"},
        Expected{"create_reports_two_errors", "create", "failed", "generated blocks were refused"},
        Expected{"crashes_in_create", "create", "failed", "the gateway died in create of \"misbehaving/crashes-in-create\""},
        Expected{"worker_start_fails", "workers", "failed", "cannot start on worker 0: SLC_ENOMEM"},
        Expected{"returns_garbage_action", "actions", "failed", "answered 4711, which is no action"},
        Expected{"resumes_twice", "resumes", "failed", "was resumed a second time"},
        Expected{"resumes_late", "resumes", "failed", "which no suspend() of the plugin gave"},
        Expected{"resumes_from_thread", "threads", "failed", "lacks SLC_STARTS_THREADS"},
        Expected{"never_resumes", "resumes", "failed", "was suspended, and ended by the time-out"},
        Expected{"throws_raw", "workers", "failed", "the gateway died in on_request of \"misbehaving/throws\""},
        Expected{"blocks_loop", "blocking", "failed", "held its event loop for"},
        Expected{"leaks_timer", "timers", "failed", "leaves 1 timer or callout of its worker behind"},
        Expected{"pins_thread_local", "file", "note", "thread_local objects with destructors"},
        Expected{"loops_forever", "workers", "failed", "still inside on_request of \"misbehaving/loops-forever\""},
        Expected{"ignores_no_memory", "memory", "failed", "the gateway died in on_request of \"misbehaving/ignores-no-memory\""},
        Expected{"splits_differ", "codec", "failed", "gives another result for a JSON document in pieces of 1 bytes"},
        Expected{"exports_more", "file", "failed", "exports more than its entry"},
        Expected{"no_note", "note", "note", "has no note"},
        Expected{"lying_note", "note", "failed", "its note and its entry disagree: version \"0.9.0\" in the note, \"1.0.0\" in the entry"},
        Expected{"crashes", "file", "passed", "exports its entry and nothing else"},  // for nobody but who sends X-Crash
        Expected{"sleeps_in_hook", "blocking", "failed", "held its event loop for"},
        Expected{"never_returns", "end", "passed", ""},  // only where $SLUICE_TEST_RELEASE is set
        Expected{"splits_response", "headers", "note", "set a header that is refused"},
        Expected{"passes_rubbish", "end", "passed", ""},  // all of it is refused
        Expected{"handles_signals", "file", "note", "uses what changes the whole process: sigaction"},
        Expected{"static_destructor", "file", "note", "has static objects with destructors"},
        Expected{"cuts_matter", "streams", "failed", "makes something else of a body that comes "},
        Expected{"keeps_chunk", "resumes", "failed", "was suspended, and ended by the time-out"},
        Expected{"replies_in_chunk", "actions", "failed", "answered SLC_REPLY, which is no action of a chunk hook"},
        Expected{"job_touches_exchange", "threads", "failed", "header was called on a thread that is no event loop"},
        Expected{"trusts_store", "memory", "failed", "the gateway died in on_request of \"misbehaving/trusts-store\""},
        Expected{"trusts_lookup", "memory", "failed", "the gateway died in a lookup of \"misbehaving/trusts-lookup\""},
        Expected{"state_not_taken", "state", "failed", "its own export_state wrote: the state is lost at every reload"},
        Expected{"trusts_state", "state", "failed", "the gateway died in import_state of \"misbehaving/trusts-state\""}),
    [](const auto& p) { return std::string{p.param.fixture}; });

TEST(CheckPluginTest, UniqueSymbolsAreFound) {
  const Found found = check({fixture("exports_more")});
  EXPECT_TRUE(found.has("file", "failed", "unique to the process")) << found.output;
}

TEST(CheckPluginTest, TheChecksBehindACrashAreRunAllTheSame) {
  const Found found = check({fixture("throws_raw")});
  EXPECT_TRUE(found.has("workers", "failed", "SIGABRT") && found.has("requests", "failed", "the same as in workers")) << found.output;
  EXPECT_TRUE(found.has("end", "passed", "")) << found.output;
}

TEST(CheckPluginTest, TwoFilesWithOneNameDoNotGoTogether) {
  const Found found = check({fixture("create_reports_two_errors"), fixture("duplicate_namespace")});
  EXPECT_TRUE(found.has("together", "failed", "both provide \"misbehaving/two-errors\"")) << found.output;
}

// The other side: whoever uses all of that as it is meant breaks nothing, and is tried with all of it.
TEST(CheckPluginTest, APluginThatWaitsKeepsAndStreamsByTheRulesBreaksNone) {
  const Found found = check({SLC_TEST_PLUGINS_FOLDER "/obedient.so"});
  EXPECT_EQ(found.count("failed"), 0u) << found.output;
  EXPECT_EQ(found.code, 0) << found.output;
  EXPECT_TRUE(found.has("note", "passed", "test.obedient 1.0.0, ABI ")) << found.output;
  EXPECT_TRUE(found.has("streams", "passed", "calls of chunk hooks")) << found.output;
  EXPECT_TRUE(found.has("memory", "passed", "refusals of memory")) << found.output;
  EXPECT_TRUE(found.has("state", "passed", "handed over twice, at most ")) << found.output;
  EXPECT_TRUE(found.has("reload", "passed", "3 reloads with 24 requests under way")) << found.output;
  EXPECT_TRUE(found.has("reload", "passed", " states handed over; the old objects went with their last requests")) << found.output;
  EXPECT_TRUE(found.has("end", "passed", "no thread left")) << found.output;
}

TEST(CheckPluginTest, TheNoteIsToldBeforeAnythingIsLoaded) {
  const Found found = check({fixture("throws_raw")});
  ASSERT_GE(found.findings.size(), 3u) << found.output;
  EXPECT_EQ(found.findings[1].at("check").str(), "note") << found.output;
  EXPECT_NE(found.findings[1].at("text").str().find("\"misbehaving/throws\" (middleware, endpoint"), std::string::npos) << found.output;
  EXPECT_EQ(found.findings[2].at("check").str(), "load") << found.output;
}

// A fixture that nobody expects anything of shows nothing: each has its line above, or a test of its own.
TEST(CheckPluginTest, EveryFixtureIsExpectedSomewhere) {
  std::string tests;
  for (const char* folder : {"/tests/integration", "/tests/unit"})
    for (const auto& file : fs::recursive_directory_iterator{std::string{SLC_SOURCE_FOLDER} + folder})
      if (file.path().extension() == ".cc") tests += read_file(file.path().string());
  size_t fixtures = 0;
  for (const char* folder : {"/tests/misbehaving", "/tests/misbehaving/loose"})
    for (const auto& file : fs::directory_iterator{std::string{SLC_SOURCE_FOLDER} + folder}) {
      if (file.path().extension() != ".c" && file.path().extension() != ".cc") continue;
      ++fixtures;
      const std::string name = file.path().stem().string();
      EXPECT_TRUE(tests.find('"' + name + '"') != tests.npos || tests.find("misbehaving/" + name + '"') != tests.npos) << name;
    }
  EXPECT_GE(fixtures, 42u);
}

// The plugins of the product obey the rules that they preach: one of each kind.
class ProductTest : public testing::TestWithParam<const char*> {};

TEST_P(ProductTest, BreaksNoRule) {
  const std::string file = plugins_folder() + "/" + GetParam() + ".so";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not built";
  const Found found = check({file});
  EXPECT_EQ(found.code, 0) << found.output;
  EXPECT_EQ(found.count("failed"), 0u) << found.output;
  EXPECT_TRUE(found.has("end", "passed", "")) << found.output;
}

INSTANTIATE_TEST_SUITE_P(CheckPlugin, ProductTest, testing::Values("stub", "json", "balancing", "circuit-breaker", "cors", "logging", "ratelimit-router"),
                         [](const auto& p) { return replace_all(p.param, "-", "_"); });

TEST(CheckPluginTest, AGivenBlockIsUsedAndARefusedOneIsSaid) {
  TempFolder folder;
  const std::string file = plugins_folder() + "/stub.so";
  EXPECT_EQ(check({file}, {"--config", folder.write("block.json", R"({"status": 404})")}).code, 0);
  const Found refused = check({file}, {"--config", folder.write("wrong.json", R"({"status": "many"})")});
  EXPECT_EQ(refused.code, 1);
  EXPECT_TRUE(refused.has("create", "failed", "the block of --config is refused")) << refused.output;
}

TEST(CheckPluginTest, WrongUsageIsSaid) {
  const std::string self = gateway_binary();
  TempFolder folder;
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {}, {"--time-limit", "0", "x.so"}, {"--unknown", "x.so"}, {"--config", "/nowhere.json", "x.so"}, {"--config", folder.write("b.json", "{"), "x.so"}}) {
    std::vector<std::string> argv{self, "check-plugin"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Ran ran = run_program(argv);
    EXPECT_EQ(ran.code, 255) << ran.output;
    EXPECT_NE(ran.output.find("sluice help check-plugin"), std::string::npos) << ran.output;
  }
  const Ran missing = run_program({self, "check-plugin", "/nowhere.so"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_NE(missing.output.find("✗ file"), std::string::npos) << missing.output;
  const Ran text = run_program({self, "check-plugin", folder.write("text.so", "no plugin")});
  EXPECT_EQ(text.code, 1);
  EXPECT_NE(text.output.find("not a shared object"), std::string::npos) << text.output;
}

TEST(CheckPluginTest, ATruncatedFileIsRefusedWhereverItEnds) {
  const std::string whole = read_file(fixture("blocks_loop"));
  ASSERT_GT(whole.size(), 1000u);
  TempFolder folder;
  for (size_t size : {size_t{0}, size_t{3}, size_t{63}, size_t{64}, whole.size() / 2, whole.size() - 1}) {
    const Found found = check({folder.write("cut.so", whole.substr(0, size))});
    EXPECT_EQ(found.code, 1) << size << '\n' << found.output;
    EXPECT_TRUE(found.has("file", "failed", "")) << size << '\n' << found.output;
  }
}

}  // namespace
}  // namespace sluice::test
