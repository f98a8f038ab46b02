// What the pages show is true: links lead somewhere, configurations are accepted, and the README's plugin works.
#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "core/config/grammar.h"
#include "tests/integration/gateway_config.h"
#include "tests/support/markdown.h"
#include "tests/support/pages.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
const fs::path kTree = SLC_SOURCE_FOLDER;

// Warnings that a page's configuration may have: names of plugins that the reader is about to write, their folder, and what
// only this machine lacks.
bool expected(std::string_view line) {
  for (const std::string_view known : {"example/", "\"./build\"", "no syslog daemon listens"})
    if (line.find(known) != line.npos) return true;
  return false;
}

std::string unexpected_warnings(const std::string& output) {
  std::string out;
  for (size_t at = 0; at < output.size();) {
    const size_t end = std::min(output.find('\n', at), output.size());
    const std::string_view line = std::string_view{output}.substr(at, end - at);
    if (line.find("warning: ") != line.npos && !expected(line)) out.append(line).append("\n");
    at = end + 1;
  }
  return out;
}

TEST(DocsTest, EveryLinkLeadsSomewhere) {
  EXPECT_GT(pages_below(kTree).size(), 20u);
  EXPECT_EQ(dead_links(kTree), std::vector<std::string>{});
}

TEST(DocsTest, EveryConfigurationShownIsAccepted) {
  TempFolder folder;
  const PageCertificates certificates{folder};  // what pages about TLS name
  int seen = 0;
  for (const fs::path& page : pages_below(kTree)) {
    for (const CodeBlock& block : code_blocks(read_file(page.string()))) {
      if (block.language != "json" || block.mark.starts_with("file ")) continue;  // files: flexible_test.cc
      ++seen;
      const std::string where = fs::relative(page, kTree).string() + ":" + std::to_string(block.line);
      if (block.mark == "output") {  // what a program prints
        EXPECT_TRUE(Json::parse(block.text)) << where;
        continue;
      }
      std::string text;
      try {
        text = whole_configuration(block.text);
      } catch (const std::exception& e) {
        ADD_FAILURE() << where << ": " << e.what();
        continue;
      }
      const Ran ran = run_program({gateway_binary(), "check", "-c", folder.write("krakend.json", text), "--plugins", plugins_folder()},
                                  3 * kLimit, {{"SLUICE_DNS_SERVERS", "127.0.0.1:9"}} /* nobody: names are looked up in no network */, folder.path());
      EXPECT_EQ(ran.code, 0) << where << '\n' << ran.output << text;
      EXPECT_EQ(unexpected_warnings(ran.output), "") << where << '\n' << text;
    }
  }
  EXPECT_GT(seen, 10);
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

// The cells of a row of a table.
std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> out;
  for (line.remove_prefix(1); line.find('|') != line.npos; line.remove_prefix(line.find('|') + 1))
    out.emplace_back(line.substr(0, line.find('|')));
  return out;
}

// The rows of the tables below the heading that is this line, to the next heading of its rank or above, or of a block in extra_config.
std::vector<std::string> rows_below(std::string_view page, std::string_view heading) {
  auto rank = [](std::string_view line) { return std::min(line.find_first_not_of('#'), line.size()); };
  std::vector<std::string> out;
  bool inside = false;
  for (; !page.empty(); page.remove_prefix(std::min(page.find('\n'), page.size() - 1) + 1)) {
    const std::string_view line = page.substr(0, page.find('\n'));
    if (line == heading) inside = true;
    else if (line.starts_with('#') && (rank(line) <= rank(heading) || line.starts_with("### `extra_config"))) inside = false;
    else if (inside && line.starts_with('|') && line.find('|', 1) != line.npos) out.emplace_back(line);
  }
  return out;
}

// A table of the page is about one object of the configuration. Keys of the objects inside it stand in the rows of the key that
// holds them: `tls.ca_certs`, or in the text.
struct TablesOfKeys {
  std::set<const config::Grammar*> with_a_table;
  std::set<std::string_view> keys;  // that were looked for

  void look(const config::Grammar& g, const std::vector<std::string>& rows, bool outermost, const std::string& heading) {
    for (const config::Key& k : g.keys) {
      keys.insert(k.name);
      std::vector<std::string> about;
      for (const std::string& row : rows)
        if (has_word(outermost ? cells(row)[0] : row, k.name)) about.push_back(row);
      EXPECT_FALSE(about.empty()) << k.name << " of " << g.name << " is in core/config/grammar*.cc and in no row below \"" << heading
                                  << "\" of docs/configuration.md";
      if (k.inner && !with_a_table.contains(k.inner)) look(*k.inner, about, false, heading);
    }
  }
};

// Every key of the core's grammar: of the root, endpoints, backends, the core's own blocks, and the objects in them. Readers can ask for no other.
TEST(DocsTest, EveryKeyOfTheGrammarIsInTheTableOfItsObject) {
  const std::string page = read_file((kTree / "docs/configuration.md").string());
  std::vector<std::pair<std::string, const config::Grammar*>> tables{
      {"## Root", &config::kRootGrammar}, {"## Endpoint", &config::kEndpointGrammar}, {"## Backend", &config::kBackendGrammar}};
  for (const config::CoreBlock& b : config::core_blocks()) {
    const std::string name{b.name}, path = name.find('/') == name.npos ? "." + name : "[\"" + name + "\"]";
    const std::string heading = "### `extra_config" + path + "`";  // the root's, or of one that only one level has
    const std::string precise = heading + (b.level == config::Level::endpoint ? " of an endpoint" : " of a backend");
    tables.emplace_back(b.level != config::Level::root && page.find("\n" + precise + "\n") != page.npos ? precise : heading, b.grammar);
  }
  TablesOfKeys looking;
  for (const auto& [heading, grammar] : tables) looking.with_a_table.insert(grammar);
  for (const auto& [heading, grammar] : tables) {
    const std::vector<std::string> rows = rows_below(page, heading);
    EXPECT_FALSE(rows.empty()) << "no table below \"" << heading << "\" of docs/configuration.md";
    looking.look(*grammar, rows, true, heading);
  }
  EXPECT_GT(looking.keys.size(), 120u);
}

// What the program itself takes from the environment, beside the root keys of a configuration.
TEST(DocsTest, EveryVariableOfTheProgramIsOnThePageAndInAHelp) {
  const std::string page = read_file((kTree / "docs/configuration.md").string());
  std::string help;
  for (const char* command : {"run", "explain"}) help += run_program({gateway_binary(), "help", command}, kLimit).output;
  std::set<std::string> names;
  for (const auto& file : fs::recursive_directory_iterator{kTree / "core"}) {
    if (file.path().extension() != ".cc" && file.path().extension() != ".h") continue;
    const std::string code = read_file(file.path().string()), call = "getenv(\"SLUICE_";
    for (size_t at = code.find(call); at != code.npos; at = code.find(call, at + 1)) names.insert(quoted_at(code, code.find('"', at)));
  }
  EXPECT_GT(names.size(), 4u);
  for (const std::string& name : names) {
    EXPECT_TRUE(has_word(page, name)) << name << " is not in docs/configuration.md";
    EXPECT_TRUE(has_word(help, name)) << name << " is neither in sluice help run nor in sluice help explain";
  }
}

// Names that a configuration may use: those of the plugins of this build, and the blocks of the core.
std::set<std::string> names_that_are_there() {
  std::set<std::string> out;
  const Ran ran = run_program({gateway_binary(), "plugins", "--json", "--plugins", plugins_folder()}, kLimit, {{"SLUICE_ADMIN", "/nowhere"}});
  const Json list = Json::parse_or_throw(ran.output.substr(0, ran.output.find("}\n") + 1), "sluice plugins");
  for (const Json& plugin : list.at("plugins").items())
    for (const Json& binding : plugin.at("bindings").items()) out.insert(binding.at("name").str());
  const std::string code = read_file((kTree / "core/config/grammar.cc").string()), call = "{Level::";
  for (size_t at = code.find(call); at != code.npos; at = code.find(call, at + 1)) out.insert(quoted_at(code, code.find(',', at) + 1));
  return out;
}

TEST(DocsTest, EveryFeatureIsInTheTableWithItsPage) {
  const std::string page = read_file((kTree / "docs/features.md").string());
  const std::set<std::string> names = names_that_are_there();
  EXPECT_GT(names.size(), 30u);
  for (const std::string& name : names) {
    const bool named = page.find("`" + name + "`") != page.npos || page.find(": \"" + name + "\"`") != page.npos;
    EXPECT_TRUE(named) << name << " is there and not in docs/features.md";
  }
  int rows = 0;
  for (size_t at = page.find("\n| "); at != page.npos; at = page.find("\n| ", at + 1)) {
    const std::string line = page.substr(at + 1, page.find('\n', at + 1) - at - 1);
    const auto row = cells(line);
    ASSERT_EQ(row.size(), 4u) << line;
    if (row[0] == " Feature ") continue;
    ++rows;
    EXPECT_TRUE(row[2].starts_with(" as KrakenD") || row[2] == " with differences " || row[2] == " ours ") << line;
    EXPECT_NE(row[3].find(".md"), std::string::npos) << "no page: " << line;
  }
  EXPECT_GT(rows, 50);
}

TEST(DocsTest, EveryPageIsLedToByTheReadme) {
  const std::string readme = read_file((kTree / "README.md").string()), features = read_file((kTree / "docs/features.md").string());
  for (const auto& file : fs::directory_iterator{kTree / "docs"}) {
    if (file.path().extension() != ".md") continue;
    const std::string name = file.path().filename().string();
    EXPECT_TRUE(readme.find("(docs/" + name) != readme.npos || features.find("(" + name) != features.npos) << name;
  }
  for (const auto& folder : fs::directory_iterator{kTree / "plugins"}) {
    if (!fs::exists(folder.path() / "README.md")) continue;
    const std::string link = "(../plugins/" + folder.path().filename().string() + "/README.md)";
    EXPECT_NE(features.find(link), features.npos) << link;
  }
}

TEST(DocsTest, EveryExampleFileIsAccepted) {
  int seen = 0;
  for (const auto& file : fs::directory_iterator{kTree / "config"}) {
    if (file.path().extension() != ".json") continue;
    ++seen;
    const Ran ran = run_program({gateway_binary(), "check", "--strict", "-c", file.path().string(), "--plugins", plugins_folder()},
                                3 * kLimit, {}, kTree.string());
    EXPECT_EQ(ran.code, 0) << file.path() << '\n' << ran.output;
    EXPECT_EQ(unexpected_warnings(ran.output), "") << file.path();
  }
  EXPECT_GT(seen, 5);
}

// The README's "line by line" is config/products.json, shortened: nothing stands there that the file does not say.
void expect_part_of(const Json& shown, const Json& file, const std::string& where) {
  if (shown.is(Json::Kind::object)) {
    for (const auto& [key, value] : shown.members()) {
      const Json* there = file.find(key);
      if (there == nullptr) ADD_FAILURE() << where << "/" << key << " is not in the file";
      else expect_part_of(value, *there, where + "/" + key);
    }
  } else if (shown.is(Json::Kind::array)) {
    ASSERT_LE(shown.items().size(), file.items().size()) << where;
    for (size_t i = 0; i < shown.items().size(); ++i)
      expect_part_of(shown.items()[i], file.items()[i], where + "/" + std::to_string(i));
  } else {
    EXPECT_TRUE(shown == file) << where << ": shown " << shown.dump() << ", in the file " << file.dump();
  }
}

Json the_readmes_configuration() {
  const auto blocks = code_blocks(read_file((kTree / "README.md").string()));
  const auto shown = std::find_if(blocks.begin(), blocks.end(), [](const CodeBlock& b) { return b.language == "json"; });
  if (shown == blocks.end()) throw Failure("README.md shows no configuration");
  return Json::parse_or_throw(shown->text, "README");
}

TEST(DocsTest, TheReadmesConfigurationIsTheOneThatRunServes) {
  expect_part_of(the_readmes_configuration(), Json::parse_or_throw(read_file((kTree / "config/products.json").string()), "products.json"), "");
}

// Keys of a configuration, those of blocks included; names in "mapping" are the services'.
void collect_keys(const Json& value, std::set<std::string>& out) {
  if (value.is(Json::Kind::array))
    for (const Json& item : value.items()) collect_keys(item, out);
  if (!value.is(Json::Kind::object)) return;
  for (const auto& [key, member] : value.members()) {
    out.insert(key);
    if (key != "mapping") collect_keys(member, out);
  }
}

TEST(DocsTest, EachKeyThatTheReadmeShowsHasARowOfItsTable) {
  const std::string readme = read_file((kTree / "README.md").string());
  const size_t from = readme.find("\n| Line | What it does |\n"), to = readme.find("\n\n", from);
  ASSERT_NE(from, readme.npos);
  std::string lines;  // the first column
  for (size_t at = from; at < to; at = readme.find('\n', at + 1)) {
    const auto row = cells(readme.substr(at + 1, readme.find('\n', at + 1) - at - 1));
    ASSERT_EQ(row.size(), 2u) << readme.substr(at, 80);
    lines += row[0];
  }
  std::set<std::string> keys;
  collect_keys(the_readmes_configuration(), keys);
  EXPECT_GT(keys.size(), 20u);
  for (const std::string& key : keys) EXPECT_NE(lines.find("`\"" + key + "\""), lines.npos) << key;
}

}  // namespace
}  // namespace sluice::test
