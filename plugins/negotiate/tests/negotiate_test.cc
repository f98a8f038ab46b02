// What Accept chooses: pipeline.md §8.3.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class NegotiateTest : public ::testing::Test {
 protected:
  std::string answer(std::string_view accept) { return negotiate_.encode(Coding::from_backend(R"({"a":1})"), accept); }
  void expect_json(std::string_view accept) {
    EXPECT_EQ(answer(accept), R"({"a":1})") << accept;
    EXPECT_EQ(negotiate_.content_type, "") << "the default stands";
  }
  void expect_xml(std::string_view accept) {
    EXPECT_EQ(answer(accept), "<a>1</a>") << accept;
    EXPECT_EQ(negotiate_.content_type, "application/xml");
  }
  void expect_yaml(std::string_view accept) {
    EXPECT_EQ(answer(accept), "a: \"1\"\n") << accept;
    EXPECT_EQ(negotiate_.content_type, "application/x-yaml; charset=utf-8");
  }
  Coding negotiate_{"negotiate"};
};

TEST_F(NegotiateTest, WithoutAWishTheAnswerIsJson) {
  for (const char* accept : {"", "*/*", "application/*", "application/json", "text/xml", "text/html", "application/yaml", "image/png", " , ;"})
    expect_json(accept);
}

TEST_F(NegotiateTest, XmlAndYamlAreGivenWhenAskedFor) {
  expect_xml("application/xml");
  expect_yaml("application/x-yaml");
}

TEST_F(NegotiateTest, PlainTextIsYaml) {
  expect_yaml("text/plain");
  expect_yaml("text/*");
}

TEST_F(NegotiateTest, TheFirstEntryThatFitsWinsWhateverItsQuality) {
  expect_xml("application/xml;q=0.1, application/json;q=0.9");
  expect_xml("text/html, application/xml");
  expect_json("application/json, application/xml");
}

TEST_F(NegotiateTest, AnEntryMayEndEarlyAndCaseCounts) {
  expect_xml("application/x");
  expect_json("Application/XML");
  expect_json("application/xml2");
}

}  // namespace
