// Architecture, rule 1: no name that a plugin serves selects behaviour inside core/. Looks at every string literal there.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

struct Literal {
  std::string text;
  int line;
};

// The string literals of C++ source, without comments, preprocessor lines and character literals. Escapes stay as written.
std::vector<Literal> string_literals(const std::string& source) {
  std::vector<Literal> out;
  int line = 1;
  bool line_start = true;
  for (size_t i = 0; i < source.size(); ++i) {
    auto skip_to = [&](std::string_view end) {  // i lands on the last character of `end`
      size_t at = std::min(source.find(end, i), source.size() - end.size());
      for (; i < at + end.size() - 1; ++i) line += source[i] == '\n';
    };
    char c = source[i];
    if (c == '\n') {
      ++line;
      line_start = true;
      continue;
    }
    if (c == '#' && line_start) {
      while (i < source.size() && (source[i] != '\n' || source[i - 1] == '\\')) line += source[i++] == '\n';
      --i;
      continue;
    }
    if (c != ' ' && c != '\t') line_start = false;
    if (source.compare(i, 2, "//") == 0) {
      while (i + 1 < source.size() && source[i + 1] != '\n') ++i;
    } else if (source.compare(i, 2, "/*") == 0) {
      i += 2;
      skip_to("*/");
    } else if (source.compare(i, 2, "R\"") == 0) {
      size_t open = source.find('(', i);
      std::string end = ")" + source.substr(i + 2, open - i - 2) + "\"";
      size_t close = source.find(end, open);
      out.push_back({source.substr(open + 1, close - open - 1), line});
      skip_to(end);
    } else if (c == '\'') {
      if (i > 0 && std::isalnum(static_cast<unsigned char>(source[i - 1]))) continue;  // a digit separator
      for (++i; i < source.size() && source[i] != '\''; ++i) i += source[i] == '\\';
    } else if (c == '"') {
      size_t begin = ++i;
      for (; i < source.size() && source[i] != '"'; ++i) i += source[i] == '\\';
      out.push_back({source.substr(begin, i - begin), line});
    }
  }
  return out;
}

// Names of the families and the namespaces that the core itself reads (architecture, rule 1; config.md §6).
const std::vector<std::string> kFamilies{"auth/", "qos/", "security/", "validation/", "modifier/", "telemetry/", "plugin/", "async/",
                                         "backend/", "balancing/", "github.com/", "github_com/"};
const std::set<std::string> kOwnNamespaces{
    "proxy", "router", "backend/http", "backend/http/client",
    "github.com/devopsfaith/krakend/proxy", "github_com/luraproject/lura/router/gin", "github.com/devopsfaith/krakend/http"};
// Encodings and service discoveries.
const std::set<std::string> kServed{"json", "safejson", "fast-json", "json-collection", "string", "xml", "yaml", "rss", "negotiate",
                                    "no-op", "static", "dns", "round-robin"};

struct Exception {
  const char* folder;
  const char* literal;
  const char* why;
};
const Exception kExceptions[] = {
    {"core/app/", "json", "a value of --log-format"},
    {"core/log/", "json", "a value of --log-format"},
    {"core/config/", "string", "the JSON type, in messages"},
    {"core/config/", "static", "the key of an endpoint's block proxy"},
    {"core/plugin/", "string", "the JSON type, in messages"},
    {"core/app/check/", "string", "the JSON type, in schemas"},
};

// Why the literal may not stand there, "" if it may.
std::string broken_rule(const std::string& file, const std::string& text) {
  for (const Exception& e : kExceptions) {
    if (file.starts_with(e.folder) && text == e.literal) return "";
  }
  if (kServed.contains(text)) return "the name of something a plugin serves";
  if (file == "core/plugin/families.cc" || kOwnNamespaces.contains(text)) return "";
  for (const std::string& family : kFamilies) {
    bool one_word = text.find_first_of(" \\%{") == std::string::npos;
    if (text.starts_with(family) && one_word) return "a namespace";
  }
  return "";
}

TEST(CoreNamesTest, NoStringInTheCoreNamesWhatAPluginServes) {
  int files = 0;
  fs::path root(SLC_SOURCE_FOLDER);
  for (const auto& entry : fs::recursive_directory_iterator(root / "core")) {
    std::string extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc") continue;
    ++files;
    std::string file = fs::relative(entry.path(), root).string();
    for (const Literal& l : string_literals(read_file(entry.path()))) {
      std::string why = broken_rule(file, l.text);
      if (!why.empty()) ADD_FAILURE() << file << ":" << l.line << ": \"" << l.text << "\" is " << why;
    }
  }
  EXPECT_GT(files, 20);
}

TEST(CoreNamesTest, LiteralsAreFoundWhereTheyAre) {
  auto found = string_literals("#include \"json\"\n// \"qos/a\"\n/* \"x\"\n */ f(\"a\\\"b\", '\"', R\"(raw \"q\")\");\nint n = 1'000; g(\"last\");\n");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].text, "a\\\"b");
  EXPECT_EQ(found[0].line, 4);
  EXPECT_EQ(found[1].text, "raw \"q\"");
  EXPECT_EQ(found[2].text, "last");
  EXPECT_EQ(found[2].line, 5);
}

TEST(CoreNamesTest, NamesOfPluginsAreRecognised) {
  EXPECT_NE(broken_rule("core/pipeline/a.cc", "qos/ratelimit/router"), "");
  EXPECT_NE(broken_rule("core/pipeline/a.cc", "json"), "");
  EXPECT_NE(broken_rule("core/pipeline/a.cc", "static"), "");
  EXPECT_EQ(broken_rule("core/config/a.cc", "static"), "");
  EXPECT_EQ(broken_rule("core/pipeline/a.cc", "backend/http"), "");
  EXPECT_EQ(broken_rule("core/plugin/families.cc", "qos/"), "");
  EXPECT_EQ(broken_rule("core/pipeline/a.cc", "backend/ failed"), "");
}

}  // namespace
}  // namespace sluice::test
