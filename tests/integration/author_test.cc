// What an author does: sluice plugin new, a build out of tree against the installed SDK, sluice test-plugin, a running gateway.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/integration/author.h"
#include "tests/support/test_client.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char *kind, *lang;
  const char* scopes = "";
};
void PrintTo(const Kind& k, std::ostream* out) { *out << k.kind << " in " << k.lang << (*k.scopes ? " for " : "") << k.scopes; }
class TemplateTest : public AuthorTest, public testing::WithParamInterface<Kind> {};

TEST_P(TemplateTest, MakesAFolderThatBuildsAndPassesItsOwnCases) {
  const auto [kind, lang, scopes] = GetParam();
  const std::string name = "my-" + std::string{kind};
  const bool rust = std::string_view{lang} == "rust";
  if (rust && run_program({"sh", "-c", "cargo --version && rustc --version"}).code != 0) GTEST_SKIP() << "there is no cargo or no rustc";
  std::vector<std::string> command{"sluice", "plugin", "new", name, "--kind", kind, "--lang", lang, "--vendor", "acme"};
  if (*scopes) command.insert(command.end(), {"--scope", scopes});
  const Ran made = run(command);
  expect_clean(made, "new");
  EXPECT_NE(made.output.find("sluice test-plugin ."), std::string::npos) << made.output;

  const std::string folder = home(name);
  for (const auto& file : fs::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    const std::string text = read_file(file.path());
    for (const char* mark : {"@NAME@", "@VENDOR@", "@KIND@", "@WHAT@", "@CURL@", "@SOURCE@", "@IDENTIFIER@", "@ABI_", "@SCOPE", "@OF@", "@IN_", "ELSEWHERE@"})
      EXPECT_EQ(text.find(mark), std::string::npos) << file.path() << " still has " << mark;
  }
  for (const char* file : {"README.md", "gateway.json", "cases.json", "try", ".gitignore", "plugin_test.cc"})
    EXPECT_TRUE(fs::exists(folder + "/" + file)) << file;
  // Decoders, encoders and discoveries have no block.
  const bool has_block = std::set<std::string_view>{"middleware", "around", "balancer", "transport", "log-sink"}.contains(kind);
  EXPECT_EQ(fs::exists(folder + "/schema.json"), has_block);

  if (rust) {  // without CMake; build() does it with CMake, and calls the plugin from its test in C++
    expect_clean(run({"./build.sh"}, folder), "build");
    expect_clean(run({"cargo", "test", "--offline"}, folder), "unit test");
  }
  build(folder);
  const Ran tested = run({"sluice", "test-plugin", "."}, folder);
  EXPECT_EQ(tested.code, 0) << tested.output;
  EXPECT_EQ(tested.output.find("✗"), std::string::npos) << tested.output;
  EXPECT_NE(tested.output.find(", 0 failed"), std::string::npos) << tested.output;
  if (rust) {
    EXPECT_EQ(tested.output.find("thread_local"), std::string::npos) << "those of its standard library are not its author's\n" << tested.output;
  }
}

INSTANTIATE_TEST_SUITE_P(Templates, TemplateTest,
                         testing::Values(Kind{"middleware", "c++"}, Kind{"around", "c++"}, Kind{"decoder", "c++"}, Kind{"encoder", "c++"}, Kind{"sd", "c++"},
                                         Kind{"balancer", "c++"}, Kind{"transport", "c++"}, Kind{"log-sink", "c++"}, Kind{"middleware", "c"},
                                         Kind{"decoder", "c"}, Kind{"encoder", "c"}, Kind{"sd", "c"}, Kind{"balancer", "c"},
                                         Kind{"transport", "c"}, Kind{"middleware", "rust"}, Kind{"decoder", "rust"}, Kind{"encoder", "rust"},
                                         Kind{"sd", "rust"}, Kind{"balancer", "rust"}, Kind{"transport", "rust"}, Kind{"middleware", "c", "service"},
                                         Kind{"middleware", "c++", "endpoint,proxy"}, Kind{"middleware", "rust", "proxy,backend"}),
                         [](const auto& p) {
                           std::string name = std::string{p.param.kind} + "_" + p.param.lang + (*p.param.scopes ? "_" : "") + p.param.scopes;
                           for (const char* mark : {"-", ","}) name = replace_all(name, mark, "_");
                           return replace_all(name, "c++", "cpp");
                         });

// From nothing to a modifier of the reference gateway's kind: its block chooses an author's first plugin.
TEST_F(AuthorTest, APluginMadeForTheBackendIsAModifier) {
  expect_clean(run({"sluice", "plugin", "new", "mask", "--scope", "backend"}), "new");
  const std::string folder = home("mask");
  build(folder);
  const Ran tested = run({"sluice", "test-plugin", "."}, folder);
  expect_clean(tested, "test-plugin");
  EXPECT_NE(tested.output.find("\"example/mask\" (middleware, backend, stage 500)"), std::string::npos) << tested.output;

  GatewayOptions options;
  options.binary = installed_.sluice();
  options.config = R"({"version": 3, "plugin": {"folder": ")" + folder + R"(/build", "pattern": "mask.so"}, "endpoints": [{"endpoint": "/try", "backend": [
    {"host": ["http://sample"], "url_pattern": "/", "extra_config": {"backend/stub": {"body": {"a": 1}},
     "plugin/req-resp-modifier": {"name": ["example/mask"], "example/mask": {"header": "X-Masked", "value": "yes"}}}}]}]})";
  GatewayProcess gateway(options);
  const Response r = get_once(gateway.port(), "/try");
  EXPECT_EQ(r.body, R"({"a":1})");
  EXPECT_EQ(r.header("X-Masked"), "yes");
  EXPECT_EQ(gateway.log().find("left out"), std::string::npos) << gateway.log();
}

TEST_F(AuthorTest, APanicInRustFailsItsRequestAndNoMore) {
  if (run_program({"sh", "-c", "cargo --version && rustc --version"}).code != 0) GTEST_SKIP() << "there is no cargo or no rustc";
  expect_clean(run({"sluice", "plugin", "new", "fragile", "--lang", "rust"}), "new");
  const std::string folder = home("fragile"), source = read_file(folder + "/src/lib.rs"), before = "        (EXCHANGE.set_header)(";
  ASSERT_NE(source.find(before), std::string::npos) << source;
  home_.write("fragile/src/lib.rs", replace_all(source, before, "        assert!(plugin.value != b\"panic\", \"on purpose\");\n" + before));
  expect_clean(run({"./build.sh"}, folder), "build");

  GatewayOptions options;
  options.binary = installed_.sluice();
  options.config = R"({"version": 3, "plugin": {"folder": ")" + folder + R"(/build", "pattern": "fragile.so"}, "endpoints": [
    {"endpoint": "/panics", "extra_config": {"example/fragile": {"value": "panic"}},
     "backend": [{"host": ["http://sample"], "url_pattern": "/", "extra_config": {"backend/stub": {"body": {"a": 1}}}}]},
    {"endpoint": "/serves", "extra_config": {"example/fragile": {}},
     "backend": [{"host": ["http://sample"], "url_pattern": "/", "extra_config": {"backend/stub": {"body": {"a": 1}}}}]}]})";
  GatewayProcess gateway(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(get_once(gateway.port(), "/panics").status, 500);
    const Response r = get_once(gateway.port(), "/serves");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.header("X-Hello"), "world");
  }
}

TEST_F(AuthorTest, TheScriptBuildsRunsAndShowsTheAnswer) {
  if (run_program({"sh", "-c", "command -v curl"}).code != 0) GTEST_SKIP() << "there is no curl";
  if (std::string_view{SLC_CXX_FLAGS} != "") GTEST_SKIP() << "the script builds without a sanitizer, and this gateway refuses that";
  expect_clean(run({"sluice", "plugin", "new", "stamp"}), "new");
  const ReservedPort port;
  const Ran ran = run({"env", "PORT=" + std::to_string(port.number()), "./try"}, home("stamp"));
  expect_clean(ran, "try");
  EXPECT_NE(ran.output.find("X-Hello: world"), std::string::npos) << ran.output;
}

// ---- what goes wrong is said ----

class PluginNewTest : public testing::Test {
 protected:
  Ran make(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{gateway_binary(), "plugin"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return run_program(argv, kLimit, {}, home_.path());
  }
  TempFolder home_;
};

TEST_F(PluginNewTest, RefusesNamesThatCannotBeNames) {
  for (const char* name : {"Stamp", "9lives", "a_b", "../up", "a b", "", "-x", "end-", "ä"}) {
    const Ran ran = make({"new", name});
    EXPECT_EQ(ran.code, 255) << name << ran.output;
  }
  EXPECT_EQ(make({"new", std::string(65, 'a')}).code, 255);
  EXPECT_EQ(make({"new", "good", "--vendor", "Bad"}).code, 255);
  EXPECT_TRUE(fs::is_empty(home_.path()));
}

TEST_F(PluginNewTest, NeverOverwritesAnything) {
  home_.write("stamp/notes.txt", "mine");
  const Ran ran = make({"new", "stamp"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("stamp is there already and not empty: nothing was changed"), std::string::npos) << ran.output;
  EXPECT_EQ(std::distance(fs::directory_iterator(home_.path() + "/stamp"), fs::directory_iterator{}), 1);
}

TEST_F(PluginNewTest, AnEmptyFolderIsTaken) {
  fs::create_directory(home_.path() + "/there");
  EXPECT_EQ(make({"new", "stamp", "--dir", "there"}).code, 0);
  EXPECT_TRUE(fs::exists(home_.path() + "/there/plugin.cc"));
}

TEST_F(PluginNewTest, SaysWhichKindsAndLanguagesThereAre) {
  const Ran kind = make({"new", "a", "--kind", "midleware"});
  EXPECT_EQ(kind.code, 255);
  EXPECT_NE(kind.output.find("did you mean middleware?"), std::string::npos) << kind.output;
  const Ran lang = make({"new", "a", "--lang", "go"});
  EXPECT_EQ(lang.code, 255);
  EXPECT_NE(lang.output.find("c++, c or rust"), std::string::npos) << lang.output;
  const Ran both = make({"new", "a", "--kind", "around", "--lang", "rust"});
  EXPECT_EQ(both.code, 255) << "wrong usage, as each of the two alone";
  EXPECT_NE(both.output.find(
                "there is no around in rust to begin with; there is one in c++, and in rust there are middleware, decoder, encoder, sd, balancer, transport\n"),
            std::string::npos)
      << both.output;
  EXPECT_NE(both.output.find("Usage:\n  sluice plugin new"), std::string::npos) << both.output;
  const Ran nothing_near = make({"new", "a", "--kind", "xyzzy"});
  EXPECT_EQ(nothing_near.code, 255);
  EXPECT_NE(nothing_near.output.find("unknown kind \"xyzzy\": middleware, around, decoder, encoder, sd, balancer, transport or log-sink is wanted"),
            std::string::npos)
      << nothing_near.output;
  EXPECT_TRUE(fs::is_empty(home_.path())) << "nothing is made of what is refused";
  EXPECT_EQ(make({}).code, 255);
  EXPECT_EQ(make({"old", "a"}).code, 255);
}

TEST_F(PluginNewTest, AMiddlewareSaysWhereItMayStand) {
  for (const auto& [lang, file, code] : {std::tuple{"c++", "plugin.cc", "scopes = sluice::scope::proxy | sluice::scope::backend;"},
                                         std::tuple{"c", "plugin.c", ".scopes = SLC_AT_PROXY | SLC_AT_BACKEND,"},
                                         std::tuple{"rust", "src/lib.rs", "scopes: AT_PROXY | AT_BACKEND,"}}) {
    const std::string folder = std::string{"in-"} + lang[0] + lang[1 % std::string_view{lang}.size()];
    EXPECT_EQ(make({"new", "mask", "--lang", lang, "--scope", "proxy,backend,proxy", "--dir", folder}).code, 0);
    const std::string text = read_file(home_.path() + "/" + folder + "/" + file);
    EXPECT_NE(text.find(code), std::string::npos) << text;
  }
  const Ran unknown = make({"new", "mask", "--scope", "proxy,backends"});
  EXPECT_EQ(unknown.code, 255);
  EXPECT_NE(unknown.output.find("unknown scope \"backends\": service, endpoint, proxy or backend is wanted; did you mean backend?"), std::string::npos)
      << unknown.output;
  EXPECT_EQ(make({"new", "mask", "--scope", ""}).code, 255);
  EXPECT_EQ(make({"new", "mask", "--scope", "proxy,"}).code, 255);
  const Ran kind = make({"new", "mask", "--kind", "encoder", "--scope", "backend"});
  EXPECT_EQ(kind.code, 255);
  EXPECT_NE(kind.output.find("--scope is for a middleware; where an encoder stands is told by its kind: leave --scope out, or take --kind middleware"),
            std::string::npos)
      << kind.output;
  EXPECT_FALSE(fs::exists(home_.path() + "/mask"));
}

// Each combination of kind and language is made, or refused as wrong usage with what can be had.
TEST_F(PluginNewTest, EveryCombinationThatIsRefusedIsWrongUsage) {
  for (const char* kind : {"middleware", "around", "decoder", "encoder", "sd", "balancer", "transport", "log-sink"})
    for (const char* lang : {"c++", "c", "rust"}) {
      const std::string folder = std::string{kind} + "-" + lang;
      const bool there = fs::exists(SLC_SOURCE_FOLDER "/sdk/template/" + folder);
      const Ran ran = make({"new", "mask", "--kind", kind, "--lang", lang, "--dir", folder});
      EXPECT_EQ(ran.code, there ? 0 : 255) << folder << '\n' << ran.output;
      EXPECT_EQ(fs::exists(home_.path() + "/" + folder), there) << folder;
      if (there) continue;
      EXPECT_NE(ran.output.find(std::string{"there is no "} + kind + " in " + lang + " to begin with; there is one in c++"), std::string::npos) << ran.output;
    }
}

// Names in the first cells of a README's table, "| `corpus/` | …".
std::set<std::string> files_named_by(const std::string& readme) {
  std::set<std::string> out;
  constexpr std::string_view kRow = "\n| `";
  for (size_t at = readme.find(kRow); at != readme.npos; at = readme.find(kRow, at + 1)) {
    const size_t from = at + kRow.size();
    EXPECT_TRUE(out.insert(readme.substr(from, readme.find('`', from) - from)).second) << "named twice: " << readme.substr(from, 40);
  }
  return out;
}

// The files of a folder, but for the README itself; of a folder in it, its name with a '/'. "src/" is the exception: its files are sources,
// each with a line of its own.
std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const fs::path file = fs::relative(entry.path(), folder);
    const std::string first = file.begin()->string();
    if (file != "README.md") out.insert(file.has_parent_path() && first != "src" ? first + "/" : file.generic_string());
  }
  return out;
}

TEST_F(PluginNewTest, TheReadmeNamesTheFilesThatAreThereAndNoOthers) {
  const std::vector<std::string> scopes{"service", "endpoint", "proxy", "backend"};
  int made = 0;
  for (const char* kind : {"middleware", "around", "decoder", "encoder", "sd", "balancer", "transport", "log-sink"})
    for (const char* lang : {"c++", "c", "rust"}) {
      if (!fs::exists(SLC_SOURCE_FOLDER "/sdk/template/" + std::string{kind} + "-" + lang)) continue;
      // Bits say which scopes; of other kinds there is one folder, whose place its kind tells.
      for (unsigned bits = 1; bits < (std::string_view{kind} == "middleware" ? 16u : 2u); ++bits) {
        std::string list;
        for (size_t i = 0; i < scopes.size(); ++i)
          if (bits & (1u << i)) list += (list.empty() ? "" : ",") + scopes[i];
        const std::string folder = "made-" + std::to_string(made++), what = std::string{kind} + " in " + lang + " for " + list;
        std::vector<std::string> command{"new", "stamp", "--kind", kind, "--lang", lang, "--dir", folder};
        if (std::string_view{kind} == "middleware") command.insert(command.end(), {"--scope", list});
        const Ran ran = make(command);
        ASSERT_EQ(ran.code, 0) << what << '\n' << ran.output;
        const std::string readme = read_file(home_.path() + "/" + folder + "/README.md");
        const std::set<std::string> there = files_in(home_.path() + "/" + folder);
        EXPECT_EQ(files_named_by(readme), there) << what << '\n' << readme;
        for (const char* file : {"fuzz.cc", "corpus", "schema.json", "build.sh"})  // nor elsewhere on the page
          EXPECT_EQ(readme.find(file) != readme.npos, there.contains(file) || there.contains(std::string{file} + "/")) << file << " of " << what;
      }
    }
  EXPECT_GT(made, 60);
}

// What the help and the page say exists is what there are templates for.
TEST_F(PluginNewTest, TheHelpAndThePageNameTheCombinationsThatExist) {
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/first-plugin.md");
  const std::string help = make({"--help"}).output;
  auto line_of = [](const std::string& text, const std::string& begin) {
    const size_t at = text.find(begin), from = at + begin.size();
    return at == text.npos ? std::string{} : text.substr(from, text.find('\n', from) - from);
  };
  for (const char* lang : {"c", "rust"}) {
    std::string kinds, row;
    for (const char* kind : {"middleware", "around", "decoder", "encoder", "sd", "balancer", "transport", "log-sink"}) {
      const bool there = fs::exists(SLC_SOURCE_FOLDER "/sdk/template/" + std::string{kind} + "-" + lang);
      if (there) kinds += (kinds.empty() ? "" : ", ") + std::string{kind};
      row += there ? " yes |" : " |";
    }
    const std::string column = "                      ";
    EXPECT_EQ(line_of(help, "\n" + column + lang + std::string(6 - std::string_view{lang}.size(), ' ')), kinds) << help;
    EXPECT_EQ(line_of(page, "\n| `" + std::string{lang} + "` |"), row);
  }
}

// ---- test-plugin, with a plugin of the product ----

class TestPluginTest : public testing::Test {
 protected:
  Ran test(const std::string& cases, const std::string& config = kConfig, const std::vector<std::string>& more = {"--no-check"}) {
    std::vector<std::string> argv{gateway_binary(),
                                  "test-plugin",
                                  plugins_folder() + "/stub.so",
                                  "--plugins",
                                  plugins_folder(),
                                  "--config",
                                  folder_.write("gateway.json", config),
                                  "--case",
                                  folder_.write("cases.json", cases)};
    argv.insert(argv.end(), more.begin(), more.end());
    return run_program(argv, std::chrono::minutes(3));
  }
  static constexpr const char* kConfig = R"({"version": 3, "port": 8123, "endpoints": [
    {"endpoint": "/a", "backend": [{"host": ["http://127.0.0.1:8123"], "url_pattern": "/b"}]},
    {"endpoint": "/b", "backend": [{"host": ["http://x"], "url_pattern": "/", "extra_config": {"backend/stub": {"body": {"id": 1, "tags": ["x", "y"], "more": true}}}}]}]})";
  TempFolder folder_;
};

TEST_F(TestPluginTest, PassesWhenEverythingIsAsExpected) {
  const Ran ran =
      test(R"({"cases": [{"request": {"path": "/a"}, "expect": {"status": 200, "headers": {"Content-Type": "application/json; charset=utf-8", "X-None": null},
                           "body": {"id": 1.0, "tags": ["x", "y"]}, "contains": "more"}}]})");
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("✓ case        GET /a"), std::string::npos) << ran.output;
}

TEST_F(TestPluginTest, NoBodyIsWaitedForBehindTheAnswerToHead) {
  const Ran ran = test(
      R"({"cases": [{"request": {"method": "HEAD", "path": "/h"}, "expect": {"status": 200, "headers": {"Content-Type": "application/json; charset=utf-8"}, "text": ""}}]})",
      R"({"version": 3, "port": 8123, "endpoints": [{"endpoint": "/h", "method": "HEAD", "backend": [
                         {"host": ["http://x"], "url_pattern": "/", "extra_config": {"backend/stub": {"body": {"id": 1}}}}]}]})");
  EXPECT_EQ(ran.code, 0) << ran.output;
}

TEST_F(TestPluginTest, ShowsEachDifference) {
  const Ran ran =
      test(R"({"cases": [{"name": "all wrong", "request": {"path": "/a"}, "expect": {"status": 201, "headers": {"X-Missing": "v", "Content-Type": null},
                           "body": {"id": 2, "tags": ["x"], "gone": {}}, "text": "t", "contains": "zzz"}}, {"request": {"path": "/b"}, "expect": {"status": 200}}],
                           "log": ["surely not logged"]})");
  EXPECT_EQ(ran.code, 1) << ran.output;
  for (const char* text : {"✗ case        all wrong", "status: wanted 201, got 200", "header X-Missing: wanted \"v\", got none",
                           "header Content-Type: wanted none, got \"application/json; charset=utf-8", "body /id: wanted 2, got 1",
                           "body /tags: wanted 1 elements, got 2", "body /gone: wanted {}, got nothing", "body: wanted \"t\", got ",
                           "body: wanted to contain \"zzz\"", "✓ case        GET /b", "its log lacks \"surely not logged\""})
    EXPECT_NE(ran.output.find(text), std::string::npos) << text << '\n' << ran.output;
}

TEST_F(TestPluginTest, CasesWithMistakesAreRefusedWithTheirPlace) {
  const std::pair<const char*, const char*> wrong[] = {
      {"{", "is no JSON"},
      {"[]", "/cases: a list of cases is wanted"},
      {R"({"cases": []})", "/cases: a list of cases is wanted"},
      {R"({"cases": [{}]})", "/cases/0: an object with"},
      {R"({"cases": [{"request": {"path": "/a"}, "expect": {}}]})", "something must be expected"},
      {R"({"cases": [{"request": {"path": "a"}, "expect": {"status": 200}}]})", "/cases/0/request/path"},
      {R"({"cases": [{"request": {"path": "/a"}, "expect": {"statsu": 200}}]})", "did you mean \"status\"?"},
      {R"({"cases": [{"request": {"path": "/a", "headers": {"X": "a\r\nb"}}, "expect": {"status": 200}}]})", "/cases/0/request/headers/X"},
      {R"({"cases": [{"request": {"path": "/a"}, "expect": {"status": "200"}}]})", "/cases/0/expect/status"},
      {R"({"cases": [{"request": {"path": "/a"}, "expect": {"headers": {"A": 1}}}]})", "/cases/0/expect/headers/A"}};
  for (const auto& [cases, text] : wrong) {
    const Ran ran = test(cases);
    EXPECT_EQ(ran.code, 1) << cases << ran.output;
    EXPECT_NE(ran.output.find(text), std::string::npos) << cases << '\n' << ran.output;
  }
}

TEST_F(TestPluginTest, AGatewayThatDoesNotStartSaysWhy) {
  const Ran ran = test(R"({"cases": [{"request": {"path": "/a"}, "expect": {"status": 200}}]})", R"({"version": 2, "endpoints": []})");
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("the gateway did not start"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("/version"), std::string::npos) << ran.output;
}

TEST_F(TestPluginTest, AFolderWithoutAPluginIsSaid) {
  const Ran ran = run_program({gateway_binary(), "test-plugin", folder_.path()});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("Build it first"), std::string::npos) << ran.output;
  EXPECT_EQ(run_program({gateway_binary(), "test-plugin"}).code, 255);
}

}  // namespace
}  // namespace sluice::test
