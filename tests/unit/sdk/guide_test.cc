// The code of docs/plugin-guide.md and docs/plugins/: taken out of the pages, compiled as plugins, their tests run.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include <sluice/plugin.h>

namespace {

namespace fs = std::filesystem;

fs::path tree() { return fs::path{__FILE__}.parent_path().parent_path().parent_path().parent_path(); }

std::vector<fs::path> pages() {
  std::vector<fs::path> out{tree() / "docs/plugin-guide.md"};
  for (const auto& page : fs::directory_iterator{tree() / "docs/plugins"}) out.push_back(page.path());
  return out;
}

// Blocks that follow "<!-- file: name -->".
std::map<std::string, std::string> files_of_the_guide() {
  std::map<std::string, std::string> out;
  for (const fs::path& path : pages()) {
    std::ifstream page{path};
    std::string line, name;
    bool inside = false;
    while (std::getline(page, line)) {
      constexpr std::string_view mark = "<!-- file: ";
      if (line.rfind(mark, 0) == 0) name = line.substr(mark.size(), line.find(" -->") - mark.size());
      else if (!name.empty() && !inside && line == "```cpp") inside = true;
      else if (inside && line == "```") inside = false, name.clear();
      else if (inside) out[name] += line + '\n';
    }
  }
  return out;
}

class GuideTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/sluice-guide-XXXXXX";
    folder_ = mkdtemp(folder);
    const char* compiler = std::getenv("CXX");
    compile_ = std::string{compiler ? compiler : "c++"} + " -std=c++20 -O0 -Wall -Wextra -Wpedantic -Werror -I" + (tree() / "sdk/include").string();
    for (const auto& [name, text] : files_of_the_guide()) std::ofstream{folder_ / name} << text;
  }
  void TearDown() override { fs::remove_all(folder_); }
  // Empty: it worked; else what it printed.
  std::string run(const std::string& command) {
    const fs::path log = folder_ / "log";
    if (std::system((command + " > " + log.string() + " 2>&1").c_str()) == 0) return "";
    std::stringstream text;
    text << std::ifstream{log}.rdbuf();
    return "failed: " + command + '\n' + text.str();
  }
  fs::path folder_;
  std::string compile_;
};

}  // namespace

TEST_P(GuideTest, CompilesAsAPluginAndPassesItsTests) {
  const std::string name = GetParam();
  ASSERT_TRUE(fs::exists(folder_ / (name + ".cc")));
  ASSERT_TRUE(fs::exists(folder_ / (name + "_test.cc")));
  const fs::path so = folder_ / (name + ".so"), test = folder_ / "test";
  ASSERT_EQ(run(compile_ + " -shared -fPIC -fvisibility=hidden -fno-gnu-unique -Wl,-z,defs -o " + so.string() + ' ' +
                (folder_ / (name + ".cc")).string()), "");
  void* image = dlopen(so.c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(image, nullptr) << dlerror();
  const auto* entry = static_cast<const slc_entry*>(dlsym(image, "slc_plugin_entry"));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->magic, SLC_ABI_MAGIC);
  EXPECT_EQ(entry->binding_count, 1u);
  dlclose(image);
  ASSERT_EQ(run(compile_ + " -o " + test.string() + ' ' + (folder_ / (name + ".cc")).string() + ' ' + (folder_ / (name + "_test.cc")).string() +
                " -lgtest -lgtest_main -lpthread"), "");
  EXPECT_EQ(run(test.string()), "");
}

INSTANTIATE_TEST_SUITE_P(Page, GuideTest, ::testing::Values("api_key", "body_limit", "countdown", "introspect", "quota"),
                         [](const auto& name) { return std::string{name.param}; });

TEST(GuidePageTest, EveryMarkedBlockIsTested) {
  std::vector<std::string> names;
  for (const auto& [name, text] : files_of_the_guide()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"api_key.cc", "api_key_test.cc", "body_limit.cc", "body_limit_test.cc", "countdown.cc", "countdown_test.cc",
                                             "introspect.cc", "introspect_test.cc", "quota.cc", "quota_test.cc"}));
}

TEST(GuidePageTest, EveryPageIsInTheTableOfTheGuide) {
  std::ifstream file{tree() / "docs/plugin-guide.md"};
  const std::string guide{std::istreambuf_iterator<char>{file}, {}};
  for (const fs::path& page : pages()) {
    if (page.filename() == "plugin-guide.md") continue;
    EXPECT_NE(guide.find("](plugins/" + page.filename().string() + ")"), guide.npos) << page;
  }
}
