// Architecture, the table of rooms: a plugin sees sdk/ and nothing of core/. Looks at every include of the plugins and of the SDK's
// examples, those of their tests too, and at what they are linked with.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot{SLC_SOURCE_FOLDER};

// Plugins that build in sources of others, which both keep for it. plugins/shared is everybody's.
const std::map<std::string, std::set<std::string>> kBuildIn{
    {"graphql", {"json"}}, {"negotiate", {"json", "xml", "yaml"}}, {"rss", {"xml"}}};

struct Include {
  std::string name;
  bool quoted;
  int line;
};

std::vector<Include> includes_of(const std::string& source) {
  std::vector<Include> out;
  int line = 0;
  for (size_t at = 0; at < source.size(); at = std::min(source.find('\n', at), source.size() - 1) + 1) {
    ++line;
    size_t i = source.find_first_not_of(" \t", at);
    if (i == source.npos || source[i] != '#') continue;
    i = source.find_first_not_of(" \t", i + 1);
    if (i == source.npos || source.compare(i, 7, "include") != 0) continue;
    i = source.find_first_not_of(" \t", i + 7);
    if (i == source.npos || (source[i] != '"' && source[i] != '<')) continue;
    const bool quoted = source[i] == '"';
    const size_t end = source.find_first_of(quoted ? "\"\n" : ">\n", i + 1);
    out.push_back({source.substr(i + 1, end - i - 1), quoted, line});
  }
  return out;
}

bool is_file(const fs::path& p) {
  std::error_code ignored;
  return fs::is_regular_file(p, ignored);
}

// Why a file of the plugin in `folder` may not include that, "" if it may. Paths as in the tree: "plugins/cors/tests/a.cc", "plugins/cors".
std::string broken_rule(const fs::path& file, const fs::path& folder, const Include& include) {
  if (include.name.starts_with("sluice/")) return is_file(kRoot / "sdk/include" / include.name) ? "" : "no header of the SDK";
  if (include.quoted) {
    const fs::path beside = (file.parent_path() / include.name).lexically_normal();
    if (is_file(kRoot / beside)) {
      auto part = beside.begin(), own = folder.begin();
      while (own != folder.end() && part != beside.end() && *own == *part) ++own, ++part;
      if (own == folder.end()) return "";
      if (*beside.begin() != "plugins") return "outside of its folder";
      const std::string other = std::next(beside.begin())->string();
      const auto built_in = kBuildIn.find(folder.filename().string());
      if (other == "shared" || (built_in != kBuildIn.end() && built_in->second.contains(other))) return "";
      return "of another plugin";
    }
    if (include.name == "schema.h" && is_file(kRoot / folder / "schema.json")) return "";  // made of it by the build
    return "neither beside it nor of the SDK";
  }
  for (const char* base : {"", "core", "tests", "plugins", "sdk"})
    if (is_file(kRoot / base / include.name)) return "of the tree, and not of the SDK";
  return "";  // the compiler's, the system's, a library's
}

TEST(RoomsTest, PluginsAndExamplesSeeNothingButTheSdk) {
  int files = 0, includes = 0;
  for (const char* base : {"plugins", "sdk/examples"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / base)) {
      const fs::path file = fs::relative(entry.path(), kRoot);
      const std::string extension = file.extension().string();
      if (extension != ".h" && extension != ".hpp" && extension != ".c" && extension != ".cc") continue;
      fs::path folder = base;
      folder /= *fs::relative(file, base).begin();
      ++files;
      for (const Include& i : includes_of(read_file(entry.path().string()))) {
        ++includes;
        const std::string why = broken_rule(file, folder, i);
        if (!why.empty()) ADD_FAILURE() << file.string() << ":" << i.line << ": \"" << i.name << "\" is " << why;
      }
    }
  EXPECT_GT(files, 80);
  EXPECT_GT(includes, 300);
}

TEST(RoomsTest, PluginsAndExamplesAreLinkedWithNoRoomOfTheCore) {
  int lists = 0;
  for (const char* base : {"plugins", "sdk/examples"})
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / base)) {
      if (entry.path().filename() != "CMakeLists.txt") continue;
      ++lists;
      const std::string text = read_file(entry.path().string());
      for (const auto& room : fs::directory_iterator(kRoot / "core"))
        EXPECT_EQ(text.find("slc_" + room.path().filename().string()), text.npos) << entry.path() << ": slc_" << room.path().filename().string();
      EXPECT_EQ(text.find("core/"), text.npos) << entry.path();
    }
  EXPECT_GT(lists, 20);
}

TEST(RoomsTest, AWrongIncludeIsRecognised) {
  const fs::path file{"plugins/cors/tests/cors_test.cc"}, folder{"plugins/cors"};
  auto why = [&](const char* name, bool quoted = true) { return broken_rule(file, folder, {name, quoted, 1}); };
  EXPECT_EQ(why("../origins.h"), "");
  EXPECT_EQ(why("../../shared/tests/coding.h"), "");
  EXPECT_EQ(why("sluice/plugin.h"), "");
  EXPECT_EQ(why("sluice/testing.hpp", false), "");
  EXPECT_EQ(why("gtest/gtest.h", false), "");
  EXPECT_NE(why("sluice/nothing.h"), "");
  EXPECT_NE(why("core/document/node.h"), "");
  EXPECT_NE(why("core/document/node.h", false), "");
  EXPECT_NE(why("document/node.h", false), "");
  EXPECT_NE(why("../../../core/document/node.h"), "");
  EXPECT_NE(why("../../json/scan.h"), "") << "which it does not build in";
  EXPECT_NE(why("tests/support/text.h"), "");
  EXPECT_EQ(why("schema.h"), "") << "made of its schema.json";
  EXPECT_NE(broken_rule("plugins/json/json.cc", "plugins/json", {"schema.h", true, 1}), "") << "which has none";
  const auto found = includes_of("// #include \"a.h\"\n#include \"b.h\"\n  #  include <c>\n#define X\n#include \"d.h\"");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].name, "b.h");
  EXPECT_EQ(found[0].line, 2);
  EXPECT_EQ(found[1].name, "c");
  EXPECT_FALSE(found[1].quoted);
  EXPECT_EQ(found[2].name, "d.h");
}

}  // namespace
}  // namespace sluice::test
