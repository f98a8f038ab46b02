// Plugins compiled against the frozen header by every compiler and standard library there is, and loaded by the gateway.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "sluice/plugin.h"
#include "tests/integration/plugins/plugin_folder.h"
#include "tests/support/process.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string find_program_of(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    for (const char* folder : {"/usr/bin/", "/usr/local/bin/"})
      if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  return {};
}

struct Compiler {
  const char* title;
  std::vector<std::string> names;
  const char* standard;
  std::vector<std::string> more;
  const char* source;
};
void PrintTo(const Compiler& c, std::ostream* out) { *out << c.title; }
const std::vector<Compiler> kCompilers{
    {"gcc C11", {"gcc-12", "gcc"}, "-std=c11", {}, "fixture.c"},
    {"gcc C17", {"gcc-12", "gcc"}, "-std=c17", {}, "fixture.c"},
    {"clang C11", {"clang-14", "clang"}, "-std=c11", {}, "fixture.c"},
    {"g++", {"g++-12", "g++"}, "-std=c++20", {}, "fixture.cc"},
    {"g++ C++17", {"g++-12", "g++"}, "-std=c++17", {}, "fixture.cc"},
    {"clang++ libstdc++", {"clang++-14", "clang++"}, "-std=c++20", {}, "fixture.cc"},
    {"clang++ libc++", {"clang++-14", "clang++"}, "-std=c++20", {"-stdlib=libc++"}, "fixture.cc"},
};

bool has_libcxx() { return fs::exists("/usr/lib/llvm-14/include/c++/v1/string") || fs::exists("/usr/include/c++/v1/string"); }
// A plugin must be built with the sanitizer of the gateway; other compilers have other ones.
bool usable(const Compiler& c) {
  return std::string_view{SLC_SANITIZE}.empty() || std::string_view{c.title}.starts_with("g");
}

class CompilersTest : public testing::TestWithParam<Compiler> {};

TEST_P(CompilersTest, TheHeaderCompilesWithoutAWarning) {
  const Compiler& c = GetParam();
  const std::string program = find_program_of(c.names);
  if (program.empty()) GTEST_SKIP() << "not installed";
  if (!c.more.empty() && !has_libcxx()) GTEST_SKIP() << "no libc++";
  const bool cxx = std::string_view{c.source}.ends_with(".cc");
  for (const std::string header : {SLC_SDK_INCLUDE "/sluice/plugin.h", SLC_ABI_FOLDER "/v1/plugin.h"}) {
    std::vector<std::string> argv{program,         c.standard, "-Wall",           "-Wextra",  "-pedantic", "-Werror",
                                  "-fsyntax-only", "-x",       cxx ? "c++" : "c", "-include", header,      "/dev/null"};
    argv.insert(argv.begin() + 1, c.more.begin(), c.more.end());
    const Ran ran = run_program(argv, kLimit, {}, "/");
    EXPECT_EQ(ran.code, 0) << ran.output;
  }
}

// A folder with the product's plugins and a fixture that this compiler built against the frozen header.
class FrozenFolder {
 public:
  FrozenFolder(const Compiler& c, const std::string& program, const std::string& source) {
    const bool cxx = std::string_view{c.standard}.starts_with("-std=c++");
    std::vector<std::string> argv{program, c.standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", "-shared", "-fPIC", "-fvisibility=hidden",
                                  "-Wl,-z,now", "-Wl,--version-script," SLC_VERSION_SCRIPT, "-I", SLC_ABI_FOLDER "/v1", "-x", cxx ? "c++" : "c",
                                  SLC_ABI_FOLDER "/v1/" + source, "-o", path() + "/frozen.so"};
    argv.insert(argv.begin() + 1, c.more.begin(), c.more.end());
    if (!std::string_view{SLC_SANITIZE}.empty() && usable(c)) argv.insert(argv.begin() + 1, std::string{"-fsanitize="} + SLC_SANITIZE);
    built = run_program(argv, Limit{60'000}, {}, path());
    add_plugins();
  }
  // One that was built when 1.0 was frozen.
  explicit FrozenFolder(const std::string& recorded) {
    fs::copy_file(recorded, path() + "/frozen.so");
    add_plugins();
  }
  void add_plugins() {
    for (const auto& file : fs::directory_iterator{plugins_folder()})
      if (file.path().extension() == ".so") fs::create_symlink(file.path(), path() + "/" + file.path().filename().string());
  }
  std::string path() const { return folder_.path(); }
  GatewayOptions options(std::string config) const {
    GatewayOptions o = options_of(std::move(config));
    o.arguments = {"--plugins", path()};
    return o;
  }
  Ran built;

 private:
  TempFolder folder_;
};

void expect_greeting(const FrozenFolder& folder) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{
      folder.options(config_of(endpoint_of("/x", backend_of(up.url(), "/d"), R"("extra_config": {"test/frozen": {"greeting": "hello"}}, )")))};
  for (int i = 0; i < 3; ++i) {
    const Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, R"({"a":1})");
    EXPECT_EQ(r.header("X-Frozen"), "hello");
  }
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Frozen", "stop"}}).status, 451);
}

TEST_P(CompilersTest, APluginOfTheFrozenHeaderIsLoadedAndServes) {
  const Compiler& c = GetParam();
  const std::string program = find_program_of(c.names);
  if (program.empty()) GTEST_SKIP() << "not installed";
  if (!c.more.empty() && !has_libcxx()) GTEST_SKIP() << "no libc++";
  const FrozenFolder folder{c, program, c.source};
  ASSERT_EQ(folder.built.code, 0) << folder.built.output;
  if (!usable(c)) GTEST_SKIP() << "built; another compiler's sanitizer cannot be loaded here";
  expect_greeting(folder);
}

// The note as 1.0 wrote it: files in the field have these bytes.
TEST(FrozenNoteTest, TheNoteOfTheFrozenHeaderIsReadAndItsBytesAreAsTheyWere) {
  const Compiler c{"gcc C11", {"gcc-12", "gcc"}, "-std=c11", {}, "noted.c"};
  const std::string program = find_program_of(c.names);
  if (program.empty()) GTEST_SKIP() << "not installed";
  const FrozenFolder folder{c, program, c.source};
  ASSERT_EQ(folder.built.code, 0) << folder.built.output;
  const std::string_view text = "id\ttest.frozen\nversion\t1.0.0\nbuilt\tC\nbind\tsluice.middleware/1\tSLC_AT_ENDPOINT\ttest/frozen\n";
  std::string note;
  const auto number = [&note](auto value) { note.append(reinterpret_cast<const char*>(&value), sizeof value); };
  const size_t room = text.size() / 4 * 4 + 4;
  number(uint32_t{7}), number(static_cast<uint32_t>(8 + room)), number(uint32_t{1});
  note += std::string_view{"sluice\0\0", 8};
  number(uint16_t{1}), number(uint16_t{0}), number(uint32_t{SLC_BUILD_FLAGS});
  note += text;
  note.resize(note.size() + room - text.size());
  EXPECT_NE(read_file(folder.path() + "/frozen.so").find(note), std::string::npos);
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{
      folder.options(config_of(endpoint_of("/x", backend_of(up.url(), "/d"), R"("extra_config": {"test/frozen": {"greeting": "hello"}}, )")))};
  EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Frozen"), "hello") << "what the note says is what the entry says";
  EXPECT_EQ(gateway.log().find("(test.frozen 1.0.0): has no note"), std::string::npos) << gateway.log();
}

// The other kinds and all services. One source in what C and C++ have in common.
const std::vector<Compiler> kBoth{
    {"gcc C11", {"gcc-12", "gcc"}, "-std=c11", {}, "kinds.c"},
    {"clang C11", {"clang-14", "clang"}, "-std=c11", {}, "kinds.c"},
    {"g++", {"g++-12", "g++"}, "-std=c++20", {}, "kinds.c"},
    {"clang++", {"clang++-14", "clang++"}, "-std=c++20", {}, "kinds.c"},
};

class FrozenKindsTest : public testing::TestWithParam<Compiler> {};

void expect_every_kind_and_service(const FrozenFolder& folder) {
  FakeUpstream first, second;
  std::atomic<int> asked{0};
  second.on("/d", [&](const FakeUpstream::Request&) { return ++asked % 2 ? Reply{500, {}, ""} : Reply{200, {}, "hello frozen world"}; });
  second.on("/ask", Reply{200, {}, "hello"});
  const std::string words = R"("encoding": "test-frozen-words", )", out = R"("output_encoding": "test-frozen-words", )";
  const std::string hosts = R"({"host": [")" + first.url() + R"(", ")" + second.url() + R"("], "url_pattern": "/d", "sd": "test-frozen-hosts", )" + words +
                            R"("extra_config": {"test/frozen-second": {}, "test/frozen-again": {}}})";
  const std::string sent = backend_of(first.url(), "/by-transport", words + R"("extra_config": {"test/frozen-transport": {}})");
  GatewayProcess gateway{folder.options(
      R"({"version": 3, "timeout": "20s", "extra_config": {"router": {"disable_access_log": true}, "test/frozen-log": {}}, "endpoints": [)" +
      endpoint_of("/x", hosts, out + R"("extra_config": {"test/frozen-services": {"ask": ")" + second.url() + R"(/ask"}}, )") + "," +
      endpoint_of("/sent", sent, out) + "]}")};
  for (int i = 0; i < 2; ++i) {
    const Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 200) << gateway.log();
    EXPECT_EQ(r.body, "!hello-frozen-world") << "a chunk hook, an encoder, a decoder";
    EXPECT_EQ(r.header("X-Encoded"), "words");
    EXPECT_EQ(r.header("Content-Type"), "text/x-words");
    EXPECT_EQ(r.header("X-Services"), "msktpwdh") << "metrics, shared, store, timer, post, work, dns, http";
    EXPECT_EQ(r.header("X-Versions"), "1.0 in " + std::to_string(SLC_ABI_MAJOR) + "." + std::to_string(SLC_ABI_MINOR)) << "an older minor in a newer gateway";
  }
  EXPECT_EQ(second.count("/d"), 4) << "each was tried once more, at the host that the balancer chose";
  EXPECT_EQ(first.count(), 0);
  EXPECT_EQ(get_once(gateway.port(), "/sent").body, "sent-/by-transport");
  gateway.process().wait_for_output("frozen sink: ");
  gateway.process().wait_for_output("frozen but awake");
}

TEST_P(FrozenKindsTest, EveryKindAndEveryServiceOfTheFrozenHeaderWorks) {
  const Compiler& c = GetParam();
  const std::string program = find_program_of(c.names);
  if (program.empty()) GTEST_SKIP() << "not installed";
  const FrozenFolder folder{c, program, c.source};
  ASSERT_EQ(folder.built.code, 0) << folder.built.output;
  if (!usable(c)) GTEST_SKIP() << "built; another compiler's sanitizer cannot be loaded here";
  expect_every_kind_and_service(folder);
}

// Files that were compiled when the header was frozen, and never again: what is in the field are binaries, not sources.
struct FrozenBinaryTest : ::testing::Test {
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "recorded for x86-64";
#endif
    if (!std::string_view{SLC_SANITIZE}.empty()) GTEST_SKIP() << "recorded without a sanitizer: this gateway refuses it";
  }
};

TEST_F(FrozenBinaryTest, EveryKindAndEveryServiceOfARecordedPluginWorks) {
  expect_every_kind_and_service(FrozenFolder{SLC_ABI_FOLDER "/v1/x86_64/kinds.so"});
}

TEST_F(FrozenBinaryTest, ARecordedPluginInCAndOneInCxxServe) {
  for (const char* file : {"fixture.so", "fixture_cc.so"}) expect_greeting(FrozenFolder{std::string{SLC_ABI_FOLDER "/v1/x86_64/"} + file});
}

std::string name_of_compiler(const testing::TestParamInfo<Compiler>& which) {
  std::string name = which.param.title;
  for (char& c : name)
    if (c == ' ') c = '_';
    else if (c == '+') c = 'x';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, CompilersTest, testing::ValuesIn(kCompilers), name_of_compiler);
INSTANTIATE_TEST_SUITE_P(All, FrozenKindsTest, testing::ValuesIn(kBoth), name_of_compiler);

}  // namespace
}  // namespace sluice::test
