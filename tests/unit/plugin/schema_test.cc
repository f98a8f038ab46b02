#include "core/plugin/schema.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace sluice::plugin {
namespace {

using Lines = std::vector<std::string>;

// "pointer: message" for each violation; the block stands at /e/0.
Lines check(std::string_view schema, std::string_view value) {
  auto s = Schema::compile(schema);
  EXPECT_TRUE(s) << s.error().message;
  Lines lines;
  for (const Violation& v : (*s)->check(boost::json::parse(value), "/e/0")) lines.push_back(v.pointer + ": " + v.message);
  return lines;
}

TEST(SchemaTest, ValidValuesHaveNoViolation) {
  EXPECT_EQ(check(R"({"type":"object","required":["a"],"properties":{"a":{"type":"integer"}}})", R"({"a":1,"b":2})"), Lines{});
  EXPECT_EQ(check("true", "[]"), Lines{});
}

TEST(SchemaTest, AllViolationsComeWithTheirPointers) {
  EXPECT_EQ(check(R"({"type":"object","required":["key","n"],"additionalProperties":false,"properties":{
                        "key":{"type":"string"},"n":{"type":"integer","minimum":1},"alg":{"enum":["RS256","ES256"]},
                        "list":{"type":"array","items":{"type":"string"},"minItems":1},"deep":{"properties":{"a/b":{"type":"boolean"}}}}})",
                  R"({"n":0,"alg":"RS255","list":["x",5],"deep":{"a/b":1},"lisst":[]})"),
            (Lines{"/e/0/key: a string is required", "/e/0/n: 0 is less than the minimum 1",
                   "/e/0/alg: \"RS255\" is not one of RS256, ES256", "/e/0/list/1: a string is required, found a number",
                   "/e/0/deep/a~1b: a boolean is required, found a number", "/e/0/lisst: unknown property; did you mean \"list\"?"}));
}

TEST(SchemaTest, AWrongTypeIsToldOnceAndNothingBelow) {
  EXPECT_EQ(check(R"({"type":"object","required":["a","b"]})", "[1]"), Lines{"/e/0: an object is required, found an array"});
  EXPECT_EQ(check(R"({"type":["string","integer"]})", "null"), Lines{"/e/0: a string or an integer is required, found null"});
  EXPECT_EQ(check(R"({"type":"integer"})", "1.5"), Lines{"/e/0: an integer is required, found 1.5"});
}

TEST(SchemaTest, StringsArraysAndNumbersSayWhatTheyHave) {
  EXPECT_EQ(check(R"({"minLength":3})", "\"äö\""), Lines{"/e/0: needs at least 3 characters, has 2"});
  EXPECT_EQ(check(R"({"minLength":1})", "\"\""), Lines{"/e/0: must not be empty"});
  EXPECT_EQ(check(R"({"pattern":"^[a-z]+$"})", "\"A1\""), Lines{"/e/0: \"A1\" does not match the pattern ^[a-z]+$"});
  EXPECT_EQ(check(R"({"maxItems":1})", "[1,2]"), Lines{"/e/0: may have at most 1 elements, has 2"});
  EXPECT_EQ(check(R"({"uniqueItems":true})", "[1,2,1]"), Lines{"/e/0/2: 1 stands here twice"});
  EXPECT_EQ(check(R"({"exclusiveMaximum":5})", "5"), Lines{"/e/0: 5 must be less than 5"});
  EXPECT_EQ(check(R"({"const":"x"})", "\"y\""), Lines{"/e/0: must be \"x\", found \"y\""});
}

TEST(SchemaTest, UnknownPropertiesWithoutANearNameListTheKnownOnes) {
  EXPECT_EQ(check(R"({"additionalProperties":false,"properties":{"a":{},"b":{}}})", R"({"completely_other":1})"),
            Lines{"/e/0/completely_other: unknown property; known are a, b"});
  EXPECT_EQ(check(R"({"additionalProperties":{"type":"string"},"patternProperties":{"^_":{}}})", R"({"_x":1,"y":2})"),
            Lines{"/e/0/y: a string is required, found a number"});
}

TEST(SchemaTest, AlternativesExplainTheOneThatWasMeant) {
  const char* schema = R"({"oneOf":[{"type":"string"},{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}]})";
  EXPECT_EQ(check(schema, "{}"), Lines{"/e/0/name: a string is required"});
  EXPECT_EQ(check(schema, "5"), Lines{"/e/0: a string or an object is required, found a number"});
  EXPECT_EQ(check(R"({"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}})", R"({"a":1})"),
            Lines{"/e/0/b: a value is required"});
}

TEST(SchemaTest, LocalReferencesAreFollowed) {
  EXPECT_EQ(check(R"({"definitions":{"d":{"type":"string"}},"properties":{"a":{"$ref":"#/definitions/d"}}})", R"({"a":1})"),
            Lines{"/e/0/a: a string is required, found a number"});
}

TEST(SchemaTest, AKeywordTheWalkDoesNotKnowIsToldInTheValidatorsWords) {
  Lines lines = check(R"({"properties":{"a":{"multipleOf":5}}})", R"({"a":7})");
  ASSERT_FALSE(lines.empty());
  EXPECT_TRUE(lines[0].starts_with("/e/0/a: ")) << lines[0];
}

TEST(SchemaTest, BrokenSchemasAreNamed) {
  EXPECT_TRUE(Schema::compile("{").error().message.starts_with("is not valid JSON"));
  EXPECT_EQ(Schema::compile("5").error().message, "is neither an object nor a boolean");
  EXPECT_TRUE(Schema::compile(R"({"type":"strnig"})").error().message.starts_with("cannot be used"));
}

TEST(SchemaTest, ABrokenPatternRefusesTheBlockInsteadOfThrowing) {
  Lines lines = check(R"({"pattern":"("})", "\"x\"");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("/e/0: the plugin's schema cannot be checked")) << lines[0];
}

// "pointer", with the hint, for each unknown key.
Lines unknown(std::string_view schema, std::string_view value) {
  auto s = Schema::compile(schema);
  EXPECT_TRUE(s) << s.error().message;
  Lines lines;
  for (const UnknownKey& k : (*s)->unknown_keys(boost::json::parse(value), "/e")) lines.push_back(k.pointer + k.hint);
  return lines;
}

TEST(UnknownKeysTest, AreToldWithTheNearestKnownOne) {
  const char* schema = R"({"type":"object","properties":{"max_rate":{"type":"number"},"key":{},"deep":{"properties":{"inner":{}}},
                           "list":{"items":{"properties":{"name":{}}}}}})";
  EXPECT_EQ(unknown(schema, R"({"max_rate":1,"key":2,"deep":{"inner":1},"list":[{"name":1}]})"), Lines{});
  EXPECT_EQ(unknown(schema, R"({"max_rte":1,"Key":2,"something":3})"),
            (Lines{"/e/max_rte (did you mean \"max_rate\"?)", "/e/Key (did you mean \"key\"?)", "/e/something"}));
  EXPECT_EQ(unknown(schema, R"({"deep":{"iner":1},"list":[{"nome":1},5,{"x/y":2}]})"),
            (Lines{"/e/deep/iner (did you mean \"inner\"?)", "/e/list/0/nome (did you mean \"name\"?)", "/e/list/2/x~1y"}));
}

TEST(UnknownKeysTest, RemarksAreNone) {
  EXPECT_EQ(unknown(R"({"properties":{"port":{}}})", R"({"$schema":1,"_port":1,"@comment":1,"//port":1,"#port":1,"comment":1,"":1})"), Lines{});
}

TEST(UnknownKeysTest, EveryPartOfTheSchemaCounts) {
  const char* schema = R"({"definitions":{"base":{"properties":{"ref":{}}}},"properties":{"own":{}},
                           "allOf":[{"$ref":"#/definitions/base"}],"anyOf":[{"properties":{"any":{}}},{"properties":{"other":{"properties":{"a":{}}}}}],
                           "if":{"properties":{"kind":{"const":"x"}}},"then":{"properties":{"then":{}}},"else":{"properties":{"else":{}}}})";
  EXPECT_EQ(unknown(schema, R"({"own":1,"ref":1,"any":1,"other":{"a":1,"b":1},"kind":1,"then":1,"else":1,"none":1})"), (Lines{"/e/other/b", "/e/none"}));
  EXPECT_EQ(unknown(R"({"items":[{"properties":{"a":{}}},{"properties":{"b":{}}}]})", R"([{"b":1},{"b":1},{"b":1}])"), Lines{"/e/0/b"});
}

TEST(UnknownKeysTest, ObjectsWithFreeKeysHaveNone) {
  EXPECT_EQ(unknown(R"({"type":"object"})", R"({"a":1})"), Lines{}) << "the schema names no keys at all";
  EXPECT_EQ(unknown("true", R"({"a":1})"), Lines{});
  EXPECT_EQ(unknown(R"({"properties":{"name":{}},"additionalProperties":true})", R"({"nome":1})"), Lines{});
  EXPECT_EQ(unknown(R"({"properties":{"name":{}},"patternProperties":{"^x-":{"properties":{"a":{}}}}})", R"({"x-1":{"b":1},"y":1})"), Lines{"/e/x-1/b"});
  EXPECT_EQ(unknown(R"({"properties":{"name":{}},"additionalProperties":{"properties":{"a":{}}}})", R"({"nome":{"b":1}})"), Lines{"/e/nome/b"});
}

TEST(UnknownKeysTest, EndInASchemaThatRefersToItself) {
  const char* schema = R"({"allOf":[{"$ref":"#"}],"properties":{"next":{"$ref":"#"}}})";
  EXPECT_EQ(unknown(schema, R"({"next":{"next":{"nxt":1}}})"), Lines{"/e/next/next/nxt (did you mean \"next\"?)"});
}

}  // namespace
}  // namespace sluice::plugin
