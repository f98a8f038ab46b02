#include "../operation.h"

#include <gtest/gtest.h>

using graphql::Operation;

namespace {

std::string merged(const Operation& o, std::string_view body) {
  std::string out;
  const std::string why = o.merged(body, out);
  return why.empty() ? out : "! " + why;
}
std::string variables(const Operation& o) {
  std::string out;
  o.variables([](std::string_view name) { return name == "id" ? std::string_view{"7\""} : std::string_view{}; }, out);
  return out;
}

}  // namespace

TEST(OperationTest, APlaceholderIsATextInBraces) {
  EXPECT_EQ(graphql::placeholder_name("{id}"), "id");
  for (const char* none : {"", "{", "}", "{}", "x{id}", "{id}x", "id"}) EXPECT_EQ(graphql::placeholder_name(none), "") << none;
}

TEST(OperationTest, VariablesAreSortedAndParametersAreTexts) {
  const Operation o{"q", "", {{"n", "5", false}, {"id", "id", true}, {"a", "[1,\"{id}\"]", false}, {"gone", "none", true}}};
  EXPECT_EQ(variables(o), R"({"a":[1,"{id}"],"gone":"","id":"7\"","n":5})");
  EXPECT_TRUE(o.has_placeholders());
  EXPECT_EQ(variables(Operation{"q", "", {}}), "");
}

TEST(OperationTest, TheBodyLeavesOutWhatIsEmpty) {
  std::string out;
  Operation{"{ a(x: \"1\") }", "", {}}.body("", out);
  EXPECT_EQ(out, R"({"query":"{ a(x: \"1\") }"})");
  Operation{"q", "Op", {}}.body(R"({"a":1})", out);
  EXPECT_EQ(out, R"({"query":"q","operationName":"Op","variables":{"a":1}})");
}

TEST(OperationTest, ParametersOfTheUrlAreEncoded) {
  std::string out;
  Operation{"{ a & b }", "O p", {}}.parameters(R"({"a":"é"})", out);
  EXPECT_EQ(out, "query=%7B%20a%20%26%20b%20%7D&operationName=O%20p&variables=%7B%22a%22%3A%22%C3%A9%22%7D");
}

TEST(OperationTest, AMutationTakesTheBodyAndFillsWhatItLacks) {
  const Operation o{"m", "", {{"role", "\"guest\"", false}, {"name", "\"default\"", false}, {"id", "id", true}}};
  EXPECT_EQ(merged(o, R"( {"name":"ann", "extra" : [1, {"z":1.50,"a":2}]} )"),
            R"({"extra":[1, {"z":1.50,"a":2}],"id":"{id}","name":"ann","role":"guest"})");
  EXPECT_EQ(merged(o, "{}"), R"({"id":"{id}","name":"default","role":"guest"})");
  EXPECT_EQ(merged(o, "null"), R"({"id":"{id}","name":"default","role":"guest"})");
  EXPECT_EQ(merged(o, R"({"name":1,"n\u0061me":null})"), R"({"id":"{id}","name":null,"role":"guest"})") << "the last of equal keys";
  EXPECT_EQ(merged(Operation{"m", "", {}}, "{}"), "");
}

TEST(OperationTest, AMutationWithoutAnObjectIsRefused) {
  const Operation o{"m", "", {}};
  EXPECT_EQ(merged(o, ""), "! unexpected end of JSON input");
  EXPECT_EQ(merged(o, " \n"), "! unexpected end of JSON input");
  for (const char* bad : {"[1]", "5", "\"x\"", "true", "nope", "{", "{\"a\":}", "{} {}", "{}x"}) EXPECT_EQ(merged(o, bad).substr(0, 2), "! ") << bad;
}

TEST(OperationTest, ATruncatedBodyIsNeverTakenForAWholeOne) {
  const Operation o{"m", "", {{"b", "2", false}}};
  const std::string whole = R"({"a":{"x":[1,2,"é\n"]},"k":-1.5e3})";
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_EQ(merged(o, std::string_view{whole}.substr(0, n)).substr(0, 2), "! ") << n;
  EXPECT_EQ(merged(o, whole), R"({"a":{"x":[1,2,"é\n"]},"b":2,"k":-1.5e3})");
}
