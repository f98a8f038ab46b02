// Plugins compiled against the frozen header by every compiler and standard library there is, and loaded by the gateway.
#include <gtest/gtest.h>
#include <unistd.h>

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
    std::vector<std::string> argv{program, c.standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-x", cxx ? "c++" : "c", "-include", header, "/dev/null"};
    argv.insert(argv.begin() + 1, c.more.begin(), c.more.end());
    const Ran ran = run_program(argv, kLimit, {}, "/");
    EXPECT_EQ(ran.code, 0) << ran.output;
  }
}

TEST_P(CompilersTest, APluginOfTheFrozenHeaderIsLoadedAndServes) {
  const Compiler& c = GetParam();
  const std::string program = find_program_of(c.names);
  if (program.empty()) GTEST_SKIP() << "not installed";
  if (!c.more.empty() && !has_libcxx()) GTEST_SKIP() << "no libc++";
  TempFolder folder;
  const std::string so = folder.path() + "/frozen.so";
  std::vector<std::string> argv{program, c.standard, "-Wall", "-Wextra", "-pedantic", "-Werror", "-O1", "-shared", "-fPIC", "-fvisibility=hidden",
                                "-Wl,-z,now", "-Wl,--version-script," SLC_VERSION_SCRIPT, "-I", SLC_ABI_FOLDER "/v1",
                                SLC_ABI_FOLDER "/v1/" + std::string{c.source}, "-o", so};
  argv.insert(argv.begin() + 1, c.more.begin(), c.more.end());
  const bool instrumented = !std::string_view{SLC_SANITIZE}.empty();
  if (instrumented && usable(c)) argv.insert(argv.begin() + 1, std::string{"-fsanitize="} + SLC_SANITIZE);
  const Ran built = run_program(argv, Limit{60'000}, {}, folder.path());
  ASSERT_EQ(built.code, 0) << built.output;
  if (!usable(c)) GTEST_SKIP() << "built; another compiler's sanitizer cannot be loaded here";

  for (const auto& file : fs::directory_iterator{plugins_folder()})
    if (file.path().extension() == ".so") fs::create_symlink(file.path(), folder.path() + "/" + file.path().filename().string());
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions o = options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d"), R"("extra_config": {"test/frozen": {"greeting": "hello"}}, )")));
  o.arguments = {"--plugins", folder.path()};
  GatewayProcess gateway{o};
  for (int i = 0; i < 3; ++i) {
    const Response r = get_once(gateway.port(), "/x");
    EXPECT_EQ(r.status, 200);
    EXPECT_EQ(r.body, R"({"a":1})");
    EXPECT_EQ(r.header("X-Frozen"), "hello");
  }
  EXPECT_EQ(get_once(gateway.port(), "/x", {{"X-Frozen", "stop"}}).status, 451);
}

INSTANTIATE_TEST_SUITE_P(All, CompilersTest, testing::ValuesIn(kCompilers), [](const auto& which) {
  std::string name = which.param.title;
  for (char& c : name)
    if (c == ' ') c = '_';
    else if (c == '+') c = 'x';
  return name;
});

}  // namespace
}  // namespace sluice::test
