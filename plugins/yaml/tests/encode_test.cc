// Documents → YAML: pipeline.md §8.3.
#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;

class YamlEncodeTest : public ::testing::Test {
 protected:
  Coding yaml_{"yaml"};
};

TEST_F(YamlEncodeTest, FourSpacesAndSortedKeys) {
  EXPECT_EQ(yaml_.encode(R"({"b":{"d":"x","c":["x",{"k":"v","j":{"m":true}},["p",["q"]]]},"a":null,"e":{},"f":[]})"),
            "a: null\n"
            "b:\n"
            "    c:\n"
            "        - x\n"
            "        - j:\n"
            "            m: true\n"
            "          k: v\n"
            "        - - p\n"
            "          - - q\n"
            "    d: x\n"
            "e: {}\n"
            "f: []\n");
}

TEST_F(YamlEncodeTest, NothingIsAnEmptyMapping) {
  EXPECT_EQ(yaml_.encode("{}"), "{}\n");
  EXPECT_EQ(yaml_.encode("null"), "{}\n");
}

TEST_F(YamlEncodeTest, NumbersOfJsonBackendsAreTextAndOthersAreNumbers) {
  EXPECT_EQ(yaml_.encode(Coding::from_backend(R"({"a":1,"b":[1.50,-2e3]})")), "a: \"1\"\nb:\n    - \"1.50\"\n    - \"-2e3\"\n");
  EXPECT_EQ(yaml_.encode(R"({"a":1,"b":1.5})"), "a: 1\nb: 1.5\n");
}

TEST_F(YamlEncodeTest, TextThatMeansSomethingElseIsQuoted) {
  for (const char* word : {"", "~", "null", "true", "False", "y", "NO", "off", "12", "0x1f", "1_000", "1.5e3", ".5", ".inf", "-.INF", ".nan", "12:30:45",
                           "2001-01-02", "<<", "0o17"})
    EXPECT_EQ(yaml_.encode(R"({"k":")" + std::string{word} + R"("})"), "k: \"" + std::string{word} + "\"\n");
  EXPECT_EQ(yaml_.encode(R"({"n":"x","1":"y"})"), "\"1\": \"y\"\n\"n\": x\n");
}

TEST_F(YamlEncodeTest, TextThatLooksLikeSyntaxIsQuoted) {
  for (const char* word : {"#a", "a: b", "a #b", "- a", "[a", "{a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a", " a", "a ", "a:", "---", "? a"})
    EXPECT_EQ(yaml_.encode(R"({"k":")" + std::string{word} + R"("})"), "k: '" + std::string{word} + "'\n");
  for (const char* word : {"a:b", "a#b", "-a", "a, b", "x & y <z>", "it's", "?a", ":a"})
    EXPECT_EQ(yaml_.encode(R"({"k":")" + std::string{word} + R"("})"), "k: " + std::string{word} + "\n");
}

TEST_F(YamlEncodeTest, ControlCharactersAreEscaped) {
  EXPECT_EQ(yaml_.encode(R"({"k":"a\tb\u0001\"\\\u2028"})"), "k: \"a\\tb\\x01\\\"\\\\\\L\"\n");
  EXPECT_EQ(yaml_.encode("{\"k\":\"\U0001F600 \u00e9\"}"), "k: \"\\U0001F600 \u00e9\"\n");
}

TEST_F(YamlEncodeTest, LinesAreALiteralBlock) {
  EXPECT_EQ(yaml_.encode(R"({"a":{"k":"one\n  two\n\nthree"},"l":["x\ny\n","z\n\n"]})"),
            "a:\n    k: |-\n        one\n          two\n\n        three\nl:\n    - |\n      x\n      y\n    - |+\n      z\n\n");
  EXPECT_EQ(yaml_.encode(R"({"k":" a\nb","l\nm":"x"})"), "k: \" a\\nb\"\n\"l\\nm\": x\n");
}

TEST_F(YamlEncodeTest, BytesThatAreNoTextAreBase64) {
  sluice::testing::Json data, bytes;
  data.kind = SLC_OBJECT;
  bytes.kind = SLC_STRING, bytes.text = "a\xff";
  data.put("k", bytes);
  EXPECT_EQ(yaml_.encode(data), "k: !!binary Yf8=\n");
}

TEST_F(YamlEncodeTest, LongKeysStandBehindAQuestionMark) {
  std::string key(129, 'k');
  EXPECT_EQ(yaml_.encode("{\"" + key + "\":\"v\"}"), "? " + key + "\n: v\n");
}

TEST_F(YamlEncodeTest, WhatIsWrittenReadsBackTheSame) {
  for (const char* json : {R"({"a":"1","b":{"c":[true,null,"x y",["z",{"q":"\n\n"}]],"d":"line\nline"},"e":[],"f":{}})",
                           R"({"":" ","k":"- x: #","l":["'","\"","a\\b","tab\t"],"~":"no","é":"\u2028\r\n"})",
                           R"({"m":[{"a":"l1\nl2\n","b":["x\n\n"]},[["deep"]]],"n":"trailing \nx","o":"x\n "})"}) {
    std::string yaml = yaml_.encode(json), again = yaml_.decode(yaml), error;
    EXPECT_EQ(yaml_.encode(again), yaml) << again;
    EXPECT_EQ(again, sluice::testing::Json::parse(json, error).write()) << yaml;
  }
}

}  // namespace
