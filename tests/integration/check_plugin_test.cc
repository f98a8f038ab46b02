// sluice check-plugin: every way to misbehave has its finding, and well-behaved plugins have none.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

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
  if (std::string_view{e.fixture} == "hangs_in_create") more = {"--time-limit", "5"};
  const Found found = check({fixture(e.fixture)}, more);
  EXPECT_TRUE(found.has(e.check, e.state, e.text)) << found.output;
  EXPECT_EQ(found.code, found.count("failed") ? 1 : 0) << found.output;
  EXPECT_TRUE(found.code == 1 || std::string_view{e.state} != "failed") << found.output;
}

const Expected kExpected[] = {
    {"no_entry", "file", "failed", "does not export slc_plugin_entry"},
    {"bad_magic", "load", "failed", "begins with 0x12345678"},
    {"newer_major", "load", "failed", "built for plugin ABI"},
    {"newer_minor", "load", "failed", "needs plugin ABI"},
    {"short_entry", "load", "failed", "says that it has 40 bytes"},
    {"missing_service", "load", "failed", "needs service sluice.stream/9"},
    {"unknown_interface", "load", "failed", "bound to interface \"sluice.time-machine/1\""},
    {"load_fails", "load", "failed", "no licence for the flux capacitor; and no plutonium"},
    {"create_reports_two_errors", "create", "failed", "generated blocks were refused"},
    {"crashes_in_create", "create", "failed", "the gateway died in create of \"misbehaving/crashes-in-create\""},
    {"crashes_in_constructor", "load", "failed", "the gateway died in a static constructor, while the file was opened"},
    {"exits_in_load", "load", "failed", "the gateway died in load"},
    {"exits_quietly", "create", "failed", "the gateway died in create of \"misbehaving/exits-quietly\""},
    {"hangs_in_create", "create", "failed", "and still in create of \"misbehaving/hangs-in-create\""},
    {"crashes_in_worker_start", "workers", "failed", "the gateway died in worker_start of \"misbehaving/crashes-in-worker-start\""},
    {"worker_start_fails", "workers", "failed", "cannot start on worker 0: SLC_ENOMEM"},
    {"returns_garbage_action", "actions", "failed", "answered 4711, which is no action"},
    {"resumes_twice", "resumes", "failed", "was resumed a second time"},
    {"resumes_late", "resumes", "failed", "which no suspend() of the plugin gave"},
    {"resumes_from_thread", "threads", "failed", "lacks SLC_STARTS_THREADS"},
    {"never_resumes", "resumes", "failed", "was suspended, and ended by the time-out"},
    {"throws_raw", "workers", "failed", "the gateway died in on_request of \"misbehaving/throws\""},
    {"blocks_loop", "blocking", "failed", "held its event loop for"},
    {"leaks_timer", "timers", "failed", "leaves 1 timer or callout of its worker behind"},
    {"pins_thread_local", "file", "note", "thread_local objects with destructors"},
    {"loops_forever", "workers", "failed", "still inside on_request of \"misbehaving/loops-forever\""},
    {"ignores_no_memory", "memory", "failed", "the gateway died in on_request of \"misbehaving/ignores-no-memory\""},
    {"splits_differ", "codec", "failed", "gives another result for a JSON document in pieces of 1 bytes"},
    {"exports_more", "file", "failed", "exports more than its entry"},
    {"no_note", "note", "note", "has no note"},
    {"lying_note", "note", "failed", "its note and its entry disagree: version \"0.9.0\" in the note, \"1.0.0\" in the entry"},
    {"crashes", "file", "passed", "exports its entry and nothing else"},  // for nobody but who sends X-Crash
    {"sleeps_in_hook", "blocking", "failed", "held its event loop for"},
    {"never_returns", "end", "passed", ""},  // only where $SLUICE_TEST_RELEASE is set
    {"splits_response", "headers", "note", "set a header that is refused"},
    {"passes_rubbish", "end", "passed", ""},  // all of it is refused
    {"handles_signals", "signals", "failed", "took signals for itself: SIGUSR2 (a handler of its own)"},
    {"writes_behind_block", "blocks", "failed", "wrote behind the end of a block that alloc() gave it"},
    {"static_destructor", "file", "note", "has static objects with destructors"},
    {"cuts_matter", "streams", "failed", "makes something else of a body that comes "},
    {"keeps_chunk", "resumes", "failed", "was suspended, and ended by the time-out"},
    {"keeps_exchange", "exchanges", "failed",
     "on_request of \"misbehaving/keeps-exchange\" at [ENDPOINT: /check-0/{mode}] gave header (sluice.exchange/1) an exchange that was over"},
    {"keeps_node", "nodes", "failed", "gave kind (sluice.document/1) a node of an exchange that was over"},
    {"uses_erased_node", "nodes", "failed", "gave kind (sluice.document/1) a node that erase() or replace_data() had ended"},
    {"replies_in_chunk", "actions", "failed", "answered SLC_REPLY, which is no action of a chunk hook"},
    {"job_touches_exchange", "threads", "failed", "header was called on a thread that is no event loop"},
    {"thread_touches_exchange", "threads", "failed", "header was called on a thread that is no event loop"},
    {"leaks_per_request", "growth", "note", "bytes more after each request, steadily over"},
    {"trusts_store", "memory", "failed", "the gateway died in on_request of \"misbehaving/trusts-store\""},
    {"trusts_shared", "memory", "failed", "the gateway died in create of \"misbehaving/trusts-shared\""},
    {"trusts_lookup", "memory", "failed", "the gateway died in a lookup of \"misbehaving/trusts-lookup\""},
    {"state_not_taken", "state", "failed", "its own export_state wrote: the state is lost at every reload"},
    {"trusts_state", "state", "failed", "the gateway died in import_state of \"misbehaving/trusts-state\""}};

INSTANTIATE_TEST_SUITE_P(CheckPlugin, MisbehaviourTest, testing::ValuesIn(kExpected), [](const auto& p) { return std::string{p.param.fixture}; });

TEST(CheckPluginTest, UniqueSymbolsAreFound) {
  const Found found = check({fixture("exports_more")});
  EXPECT_TRUE(found.has("file", "failed", "unique to the process")) << found.output;
}

TEST(CheckPluginTest, TheChecksBehindACrashAreRunAllTheSame) {
  const Found found = check({fixture("throws_raw")});
  EXPECT_TRUE(found.has("workers", "failed", "SIGABRT") && found.has("requests", "failed", "the same as in workers")) << found.output;
  EXPECT_TRUE(found.has("end", "passed", "")) << found.output;
}

TEST(CheckPluginTest, WhatCouldTakeASignalIsARemarkOfItsOwn) {
  const Found found = check({fixture("handles_signals")});
  EXPECT_TRUE(found.has("file", "note", "uses what changes the whole process: sigaction")) << found.output;
}

// The checking process cannot tidy up behind itself when it dies, or when it must be killed.
TEST(CheckPluginTest, NothingIsLeftInTheTemporaryFolderHoweverTheCheckedProcessEnds) {
  struct Case {
    const char* fixture;
    std::vector<std::string> more;
    const char* found;
  };
  for (const Case& c :
       {Case{"crashes_in_create", {}, "the gateway died in create"}, Case{"loops_forever", {"--answer-ms", "700"}, "is still inside on_request"},
        Case{"loops_forever", {"--time-limit", "2", "--answer-ms", "100000"}, "still in"}}) {
    TempFolder folder;
    std::vector<std::string> argv{gateway_binary(), "check-plugin", "--json", "--plugins", plugins_folder(), fixture(c.fixture)};
    argv.insert(argv.end(), c.more.begin(), c.more.end());
    const Ran ran = run_program(argv, kCheckLimit, {{"TMPDIR", folder.path()}});
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_NE(ran.output.find(c.found), std::string::npos) << ran.output;
    for (const auto& left : fs::directory_iterator{folder.path()}) ADD_FAILURE() << c.fixture << " leaves " << left.path();
  }
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
  EXPECT_TRUE(found.has("growth", "passed", " requests that were alike: no memory that grows with them") ||
              found.has("growth", "skipped", "take too long"))  // where the machine has much else to do
      << found.output;
  EXPECT_TRUE(found.has("end", "passed", "no thread left")) << found.output;
}

// What is lost is lost for good; the text says it.
TEST(CheckPluginTest, MemoryThatARequestLeavesBehindIsNotedWithItsSize) {
  const Found found = check({fixture("leaks_per_request")});
  if (found.has("growth", "skipped", "take too long")) GTEST_SKIP() << "this machine has too much else to do";
  EXPECT_EQ(found.code, 0) << "a cache would look like it: " << found.output;
  EXPECT_TRUE(found.has("growth", "note", "\"misbehaving/leaks-per-request\" at an endpoint holds about 2")) << found.output;
  EXPECT_TRUE(found.has("growth", "note", "they are still held when its objects are gone")) << found.output;
}

TEST(CheckPluginTest, ATransportThatStreamsByTheRulesBreaksNone) {
  const Found found = check({SLC_TEST_PLUGINS_FOLDER "/obedient_transport.so"});
  EXPECT_EQ(found.count("failed"), 0u) << found.output;
  EXPECT_EQ(found.code, 0) << found.output;
  EXPECT_TRUE(found.has("clients", "passed", "while a hook was waiting")) << found.output;
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

// Literals as the compiler sees them: joined, and without their escapes.
std::string joined_literals(std::string text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) {
      out += text[++at];
    } else if (const size_t next = text.find_first_not_of(" \n", at + 1); text[at] == '"' && next != text.npos && next > at + 1 && text[next] == '"') {
      at = next;
    } else {
      out += text[at];
    }
  }
  return out;
}

// The page of misbehaviour has a row for each fixture, tells what is found here, and quotes what tests assert.
TEST(CheckPluginTest, ThePageOfMisbehaviourSaysWhatIsAsserted) {
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/plugins/misbehaviour.md");
  std::string tests;
  for (const char* folder : {"/tests/integration", "/tests/unit/plugin"})
    for (const auto& file : fs::directory_iterator{std::string{SLC_SOURCE_FOLDER} + folder})
      if (file.path().extension() == ".cc") tests += joined_literals(read_file(file.path().string()));
  std::map<std::string, std::vector<std::string>> rows;  // by fixture: the cells
  for (size_t at = page.find("\n| `"); at != page.npos; at = page.find("\n| `", at + 1)) {
    const std::string line = page.substr(at + 3, page.find('\n', at + 1) - at - 3);
    std::vector<std::string> cells;
    for (size_t from = 0, end; (end = line.find(" |", from)) != line.npos; from = std::min(end + 3, line.size()))
      cells.push_back(line.substr(from, end - from));
    ASSERT_EQ(cells.size(), 4u) << line;
    EXPECT_TRUE(rows.emplace(cells[0].substr(1, cells[0].size() - 2), cells).second) << line;
  }
  size_t fixtures = 0;
  for (const char* folder : {"/tests/misbehaving", "/tests/misbehaving/loose"})
    for (const auto& file : fs::directory_iterator{std::string{SLC_SOURCE_FOLDER} + folder}) {
      if (file.path().extension() != ".c" && file.path().extension() != ".cc") continue;
      ++fixtures;
      EXPECT_TRUE(rows.count(file.path().stem().string())) << file.path() << " has no row";
    }
  EXPECT_EQ(rows.size(), fixtures);
  for (const Expected& e : kExpected) {
    const std::string_view state = e.state;
    const std::string found = std::string{state == "failed" ? "✗"
                                          : state == "note" ? "!"
                                                            : "✓"} +
                              ' ' + e.check + (*e.text ? std::string{": `"} + e.text + '`' : "");
    ASSERT_TRUE(rows.count(e.fixture)) << e.fixture;
    EXPECT_EQ(replace_all(rows.at(e.fixture)[3], " `", "`"), replace_all(found, " `", "`"));
  }
  size_t quoted = 0;
  for (const auto& [fixture, cells] : rows)
    for (const std::string& cell : {cells[2], cells[3]})
      for (size_t from = cell.find('`'), end; from != cell.npos && (end = cell.find('`', from + 1)) != cell.npos; from = cell.find('`', end + 1)) {
        const std::string text = cell.substr(from + 1, end - from - 1);
        if (text.find(' ') == text.npos) continue;  // a name
        ++quoted;
        EXPECT_NE(tests.find(text), tests.npos) << fixture << ": no test asserts " << text;
      }
  EXPECT_GT(quoted, 40u);
}

// The plugins of the product obey the rules that they preach: every one that the tree has.
class ProductTest : public testing::TestWithParam<std::string> {};

std::vector<std::string> product_plugins() {
  std::vector<std::string> out;
  for (const auto& folder : fs::directory_iterator{SLC_SOURCE_FOLDER "/plugins"}) {
    const std::string name = folder.path().filename().string();
    if (read_file(folder.path().string() + "/CMakeLists.txt").find("sluice_add_plugin(" + name) != std::string::npos) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(CheckPluginTest, EveryPluginThatIsBuiltIsAmongThoseChecked) {
  const std::vector<std::string> names = product_plugins();
  size_t built = 0;
  for (const auto& file : fs::directory_iterator{plugins_folder()}) {
    if (file.path().extension() != ".so") continue;
    ++built;
    EXPECT_EQ(std::count(names.begin(), names.end(), file.path().stem().string()), 1) << file.path();
  }
  EXPECT_GE(built, 15u);
}

TEST_P(ProductTest, BreaksNoRule) {
  const std::string file = plugins_folder() + "/" + GetParam() + ".so";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not built";
  const Found found = check({file});
  EXPECT_EQ(found.code, 0) << found.output;
  EXPECT_EQ(found.count("failed"), 0u) << found.output;
  EXPECT_FALSE(found.has("growth", "note", "")) << found.output;
  EXPECT_TRUE(found.has("end", "passed", "")) << found.output;
}

INSTANTIATE_TEST_SUITE_P(CheckPlugin, ProductTest, testing::ValuesIn(product_plugins()),
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
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"--time-limit", "0", "x.so"},
                                                                     {"--unknown", "x.so"},
                                                                     {"--config", "/nowhere.json", "x.so"},
                                                                     {"--config", folder.write("b.json", "{"), "x.so"}}) {
    std::vector<std::string> argv{self, "check-plugin"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const Ran ran = run_program(argv);
    EXPECT_EQ(ran.code, 255) << ran.output;
    EXPECT_NE(ran.output.find("Usage:\n  sluice check-plugin"), std::string::npos) << ran.output;
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
