// Whole files of corpus/: those with a .txt beside them must be refused with that text, the others must be fine and
// silent.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream{path, std::ios::binary}.rdbuf();
  return out.str();
}

std::vector<std::filesystem::path> corpus() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator{std::filesystem::path{__FILE__}.parent_path() / "corpus"})
    if (entry.path().extension() == ".json") out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

TEST(CorpusTest, FilesAreFineOrRefusedAsWrittenBesideThem) {
  ASSERT_GE(corpus().size(), 3u);
  for (const auto& path : corpus()) {
    auto expected = path;
    expected.replace_extension(".txt");
    bool fine = !std::filesystem::exists(expected);
    auto r = read_text(path.filename().string(), content(path), {});
    EXPECT_EQ(r.report.format(), fine ? "" : content(expected)) << path;
    EXPECT_EQ(r.config != nullptr, fine) << path;
  }
}

TEST(CorpusTest, NoPrefixIsAcceptedAndEveryIssueLiesInsideTheText) {
  for (const auto& path : corpus()) {
    std::string text = content(path);
    size_t end = text.rfind('}');
    for (size_t n = 0; n <= end; n += 7) {
      auto r = read_text("f", text.substr(0, n), {});
      EXPECT_FALSE(r.config);
      size_t lines = 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(n), '\n'));
      for (const Issue& issue : r.report.issues()) {
        EXPECT_GE(issue.line, 1u);
        EXPECT_LE(issue.line, lines);
      }
    }
  }
}

// Any value may stand anywhere: nothing crashes, refusals and reports agree, and every issue has a place.
TEST(CorpusTest, AnyValueAnywhereIsReadOrReported) {
  const char* values[] = {"null",  "true",  "-1",          "1.5",  "1e300",
                          "\"\"",  "\"x\"", "\"{a}\"",     "[]",   "[null]",
                          "[[1]]", "{}",    "{\"a\": {}}", "[{}]", "[{\"endpoint\": []}]"};
  for (const auto& path : corpus()) {
    std::string text = content(path);
    for (size_t at = 0; (at = text.find("\": ", at)) != text.npos; at += 3) {
      // Replaces what stands behind this key, where it is on one line and ends at a comma.
      size_t from = at + 3, to = text.find_first_of(",\n", from);
      for (const char* value : values) {
        std::string changed = text.substr(0, from) + value + text.substr(to);
        auto r = read_text("f", changed, {});
        EXPECT_EQ(r.config == nullptr, r.report.failed());
        for (const Issue& issue : r.report.issues()) EXPECT_GE(issue.line, 1u) << r.report.format();
      }
    }
  }
}

TEST(CorpusTest, ShopIsReadAsMeant) {
  auto r = read_text("shop.json", content(std::filesystem::path{__FILE__}.parent_path() / "corpus" / "shop.json"), {});
  ASSERT_TRUE(r.config);
  ASSERT_EQ(r.config->endpoints.size(), 5u);
  const Endpoint& orders = r.config->endpoints[1];
  EXPECT_TRUE(orders.sequential);
  EXPECT_EQ(orders.at.extra.size(), 1u);
  EXPECT_TRUE(orders.backends[2].shadow);
  EXPECT_EQ(r.config->endpoints[2].output_encoding, "no-op");
  EXPECT_EQ(r.config->endpoints[2].backends[0].method, "POST");
  EXPECT_EQ(r.config->endpoints[4].params, (std::vector<std::string>{"major", "name"}));
  EXPECT_EQ(r.config->at.extra.size(), 2u);
}

}  // namespace
}  // namespace sluice::config
