// docs/first-plugin.md, as a reader follows it: its commands are run one after the other, in the folder and with the programs that
// it names, and what it shows as their answers is compared line by line with what they print.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "tests/integration/author.h"
#include "tests/support/markdown.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

struct Step {
  std::string command;
  std::vector<std::string> shown;  // lines below it; none: the page does not say what is printed
  int line = 0;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    out.push_back(std::move(line));
    at = end + 1;
  }
  return out;
}

// The commands of the page's console blocks, in order.
std::vector<Step> steps_of(const std::string& page) {
  std::vector<Step> out;
  for (const CodeBlock& block : code_blocks(page)) {
    if (block.language != "console") continue;
    int number = block.line;
    bool first = true;
    for (const std::string& line : lines_of(block.text)) {
      ++number;
      if (line.starts_with("$ ")) {
        out.push_back({line.substr(2), {}, number});
        first = false;
      } else if (first) {
        ADD_FAILURE() << "line " << number << " stands in a block for the console, before any command";
      } else {
        out.back().shown.push_back(line);
      }
    }
  }
  return out;
}

// In a line, … stands for anything; a line that is … stands for any lines.
bool same_line(const std::string& shown, const std::string& printed) { return glob_match(replace_all(shown, "…", "*"), printed); }

// "" if all that is shown is what was printed; else the first line that is not.
std::string difference(const std::vector<std::string>& shown, const std::vector<std::string>& printed) {
  size_t at = 0;
  bool skipping = false;
  for (const std::string& line : shown) {
    if (replace_all(line, " ", "") == "…") {
      skipping = true;
      continue;
    }
    while (skipping && at < printed.size() && !same_line(line, printed[at])) ++at;
    if (at == printed.size()) return "is shown, and not printed: " + line;
    if (!same_line(line, printed[at])) return "is shown: " + line + "\nis printed: " + printed[at];
    ++at;
    skipping = false;
  }
  return skipping || at == printed.size() ? "" : "is printed, and not shown: " + printed[at];
}

TEST(TranscriptTest, EveryLineShownIsComparedAndEveryLinePrintedIsAccountedFor) {
  const std::vector<std::string> printed{"one", "two 17", "three", "four"};
  EXPECT_EQ(difference(printed, printed), "");
  EXPECT_EQ(difference({"one", "two …", "…", "four"}, printed), "");
  EXPECT_EQ(difference({"one", "  …"}, printed), "");
  EXPECT_EQ(difference({"one", "two 18", "…"}, printed), "is shown: two 18\nis printed: two 17");
  EXPECT_EQ(difference({"one", "two 17", "three"}, printed), "is printed, and not shown: four");
  EXPECT_EQ(difference({"…", "five"}, printed), "is shown, and not printed: five");
}

class PageTest : public AuthorTest {
 protected:
  PageTest() {
    session_ = home("session");  // where `sluice reload` looks for the gateway of its user
    fs::create_directory(session_);
    fs::permissions(session_, fs::perms::owner_all);
  }
  // What a shell would do with one line of the page.
  std::string type(const std::string& command) {
    if (command.starts_with("cd ")) {
      folder_ += "/" + command.substr(3);
      return "";
    }
    if (command == "sluice run -c gateway.json &") {
      GatewayOptions options;
      options.binary = installed_.sluice();
      options.config = replace_all(read_file(folder_ + "/gateway.json"), "./build", folder_ + "/build");
      options.arguments = {"--admin", ""};
      options.environment = {{"XDG_RUNTIME_DIR", session_}};
      gateway_ = std::make_unique<GatewayProcess>(std::move(options));
      return "";
    }
    auto environment = this->environment();
    const std::string flags = SLC_CXX_FLAGS;  // the gateway refuses what is built with another sanitizer
    for (const char* name : {"CFLAGS", "CXXFLAGS"}) environment[name] = flags + " -Wall -Wextra -Wpedantic -Werror";
    environment["LDFLAGS"] = flags;
    environment["CXX"] = SLC_CXX_COMPILER;
    environment["CMAKE_PREFIX_PATH"] = installed_.prefix();
    environment["XDG_RUNTIME_DIR"] = session_;
    std::string line = replace_all(command, "curl -i", "curl -si");  // without a terminal, curl draws its progress
    if (gateway_) line = replace_all(line, "127.0.0.1:8080", "127.0.0.1:" + std::to_string(gateway_->port()));
    const Ran ran = run_program({"sh", "-c", line}, kBuildLimit, environment, folder_);
    EXPECT_EQ(ran.code, 0) << command << '\n' << ran.output;
    return ran.output;
  }

  std::string session_, folder_ = home_.path();
  std::unique_ptr<GatewayProcess> gateway_;
};

TEST_F(PageTest, FromNothingToAChangedAnswer) {
  if (run_program({"sh", "-c", "command -v curl"}).code != 0) GTEST_SKIP() << "there is no curl";
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/first-plugin.md");
  const std::vector<Step> steps = steps_of(page);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> answers;
  for (const Step& step : steps) {
    const std::string printed = type(step.command);
    if (step.command.starts_with("curl ")) answers.push_back(printed);
    if (!step.shown.empty()) {
      EXPECT_EQ(difference(step.shown, lines_of(printed)), "") << "line " << step.line << ": " << step.command << '\n' << printed;
    }
    if (HasFailure()) return;
  }
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin);
  std::cout << "the page from its first line to the changed answer: " << took.count() << " s" << std::endl;
  RecordProperty("seconds", static_cast<int>(took.count()));
  EXPECT_LT(took, std::chrono::minutes(5)) << "what the page promises";

  ASSERT_EQ(answers.size(), 2u);
  EXPECT_NE(answers[0].find("X-Hello: world\r\n"), std::string::npos) << answers[0];
  EXPECT_NE(answers[1].find("X-Hello: hello, world\r\n"), std::string::npos) << answers[1];
  for (const auto& file : fs::directory_iterator(folder_)) {
    const std::string name = file.path().filename();
    EXPECT_TRUE(name == ".gitignore" || name == "build" || page.find("`" + name + "`") != std::string::npos) << "the page does not tell of " << name;
  }
}

}  // namespace
}  // namespace sluice::test
