// YAML bodies → documents.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class YamlDecodeTest : public ::testing::Test {
 protected:
  Coding yaml_{"yaml"};
};

TEST_F(YamlDecodeTest, MappingsSequencesAndScalars) {
  EXPECT_EQ(yaml_.decode("b: 1\na:\n  - x\n  - {y: [true, ~]}\n  - \"1\"\n"), R"({"b":1,"a":["x",{"y":[true,null]},"1"]})");
}

TEST_F(YamlDecodeTest, NumbersKeepTheirTextWhereJsonWritesThemSo) {
  EXPECT_EQ(yaml_.decode("[1.50, -0, 1e3, 123456789012345678901234567890]", true), R"({"collection":[1.50,-0,1e3,123456789012345678901234567890]})");
  EXPECT_EQ(yaml_.decode("[+1, .5, 1., 1_000, 007, 0x1F, 0o17, 0b11, -.5e1, 1.e2]", true),
            R"({"collection":[1,0.5,1,1000,7,31,15,3,-0.5e1,1e2]})");
  EXPECT_EQ(yaml_.decode("[.inf, -.inf, .nan, 0xfffffffffffffffff]", true), R"({"collection":[".inf","-.inf",".nan","0xfffffffffffffffff"]})");
}

TEST_F(YamlDecodeTest, WordsThatOldVersionsTookForBooleansAreText) {
  EXPECT_EQ(yaml_.decode("{a: yes, b: n, c: off, d: True, e: NULL}"), R"({"a":"yes","b":"n","c":"off","d":true,"e":null})");
}

TEST_F(YamlDecodeTest, TagsSayWhatAScalarIs) {
  EXPECT_EQ(yaml_.decode("{a: !!str 1, b: !!int \"2\", c: !own x}"), R"({"a":"1","b":2,"c":"x"})");
}

TEST_F(YamlDecodeTest, AliasesRepeatAndMergeKeysMerge) {
  EXPECT_EQ(yaml_.decode("a: &x {p: 1, q: 2}\nb: *x\n"), R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2}})");
  EXPECT_EQ(yaml_.decode("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n"), R"({"a":{"p":1,"q":2},"b":{"q":3,"p":1}})");
  EXPECT_EQ(yaml_.decode("b: {<<: [{p: 1}, {p: 2, r: 3}]}"), R"({"b":{"p":1,"r":3}})");
  EXPECT_EQ(yaml_.decode("b: {\"<<\": 1}"), R"({"b":{"<<":1}})");
  EXPECT_EQ(yaml_.decode("{<<: 1}"), "error: a merge key stands for no mapping");
}

TEST_F(YamlDecodeTest, AliasesThatExplodeAreRefused) {
  std::string body = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    std::string before = "*a" + std::to_string(i - 1), all = before;
    for (int k = 1; k < 10; ++k) all += "," + before;
    body += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + all + "]\n";
  }
  EXPECT_EQ(yaml_.decode(body), "error: aliases make the document too big");
  EXPECT_EQ(yaml_.decode("a: &a [*a]"), "error: invalid YAML in line 1: an alias inside what it stands for");
  EXPECT_EQ(yaml_.decode("a: *b"), "error: invalid YAML in line 1: an alias without an anchor");
}

TEST_F(YamlDecodeTest, MergesThatExplodeAreRefused) {
  std::string body = "a0: &a0 {x: 1}\n";
  for (int i = 1; i < 40; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    body += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " {<<: [" + before + "," + before + "]}\n";
  }
  EXPECT_EQ(yaml_.decode(body), "error: aliases make the document too big");
}

TEST_F(YamlDecodeTest, TheRootFollowsTheRulesOfJson) {
  EXPECT_EQ(yaml_.decode("null"), "null");
  EXPECT_EQ(yaml_.decode("~", true), R"({"collection":null})");
  EXPECT_EQ(yaml_.decode("[1]"), "error: the body is a YAML sequence, not a mapping: the backend lacks \"is_collection\": true");
  EXPECT_EQ(yaml_.decode("a: 1", true), "error: the body is no YAML sequence, as \"is_collection\": true promises");
  EXPECT_EQ(yaml_.decode("text"), "error: the body is no YAML mapping");
  EXPECT_EQ(yaml_.decode({}), "error: the body is empty");
  EXPECT_EQ(yaml_.decode(""), "error: the body is empty");
  EXPECT_EQ(yaml_.decode("# nothing\n"), "error: the body is empty");
}

TEST_F(YamlDecodeTest, OnlyTheFirstDocumentIsRead) {
  EXPECT_EQ(yaml_.decode("a: 1\n---\n[broken"), R"({"a":1})");
}

TEST_F(YamlDecodeTest, BrokenTextIsRefusedWithItsLine) {
  EXPECT_TRUE(yaml_.decode("a: 1\nb: [1\nc").starts_with("error: invalid YAML in line ")) << yaml_.decode("a: 1\nb: [1\nc");
  EXPECT_TRUE(yaml_.decode("a: \xff").starts_with("error: invalid YAML in line "));
  EXPECT_EQ(yaml_.decode("? [a]\n: 1"), "error: a key is no scalar");
  EXPECT_EQ(yaml_.decode(std::string(1001, '['), true), "error: invalid YAML in line 1: nested too deep");
}

}  // namespace
