// References, templates and conditions of the block `sluice`: what they mean, and what is refused with which words.
#include "core/pipeline/expression.h"

#include <gtest/gtest.h>

#include <map>

namespace sluice::pipeline {
namespace {

using document::Node;

ReferenceNames all_names() {
  ReferenceNames n;
  n.parameters = {"id", "x.y"};
  n.headers = {"X-Tenant"};
  n.queries = {"page"};
  n.steps = 3;
  return n;
}

class Values final : public ReferenceValues {
 public:
  explicit Values(Arena& arena) : ReferenceValues{arena} {}
  Node* find(const Reference& r) override {
    auto it = nodes.find(r.text());
    return it == nodes.end() ? nullptr : &it->second;
  }
  std::map<std::string, Node> nodes;
};

class ExpressionTest : public ::testing::Test {
 protected:
  ExpressionTest() {
    values_.nodes["{resp0_n}"] = document::make_number("5");
    values_.nodes["{resp0_s}"] = document::make_string("abc");
    values_.nodes["{resp0_digits}"] = document::make_string("7");
    values_.nodes["{resp0_zero}"] = document::make_number("0.0");
    values_.nodes["{resp0_empty}"] = document::make_string("");
    values_.nodes["{resp0_null}"] = document::make_null();
    values_.nodes["{resp0_yes}"] = document::make_bool(true);
    values_.nodes["{resp0_no}"] = document::make_bool(false);
    values_.nodes["{resp0_object}"] = document::make_object();
    values_.nodes["{resp0_big}"] = document::make_number("9007199254740993");
    values_.nodes["{resp1.status}"] = document::make_number("404");
    values_.nodes["{id}"] = document::make_string("12");
    values_.nodes["{header.X-Tenant}"] = document::make_string("a\"b");
  }
  std::string why(const std::string& text) {
    std::string why;
    return Expression::parse(text, all_names(), &why) ? "taken" : why;
  }
  bool holds(const std::string& text) {
    std::string why;
    auto e = Expression::parse(text, all_names(), &why);
    EXPECT_TRUE(e) << text << ": " << why;
    return e && e->holds(values_);
  }
  BlockPool pool_;
  Arena arena_{pool_};
  Values values_{arena_};
};

TEST_F(ExpressionTest, WhatHolds) {
  for (const char* text : {"true",
                           "{resp0_n}",
                           "{resp0_n} == 5",
                           "{resp0_n}==5.0",
                           "{resp0_n} >= 5 && {resp0_n} < 6",
                           "{resp0_s} == 'abc'",
                           "{resp0_s} == \"abc\"",
                           "{resp0_digits} == 7",
                           "{id} > 9",
                           "{resp0_s} < 'abd'",
                           "!{resp0_no}",
                           "!{resp0_zero}",
                           "!{resp0_empty}",
                           "!{resp0_null}",
                           "!{resp2_gone}",
                           "!{resp0_object}",
                           "{resp2_gone} == null",
                           "{resp0_null} == null",
                           "{resp0_yes} == true",
                           "{resp0_yes} != {resp0_no}",
                           "{resp1.status} == 404",
                           "false || true",
                           "true || false && false",
                           "!(true && false)",
                           "!!true",
                           "{header.X-Tenant} == \"a\\\"b\"",
                           "'it\\'s' != 'its'",
                           "{resp0_big} != 9007199254740992",
                           "{resp0_object} != {resp0_object}",
                           "-1 < 0",
                           " ( ( true ) ) ",
                           "1e2 == 100",
                           "{resp0_s} != 5"})
    EXPECT_TRUE(holds(text)) << text;
}

TEST_F(ExpressionTest, WhatDoesNot) {
  for (const char* text :
       {"false", "null", "0", "''", "{resp0_n} == 6", "{resp0_n} > 5", "{resp0_s} > 5", "{resp0_s} <= 5", "{resp0_null} < 1", "{resp0_null} <= null",
        "{resp0_yes} <= true", "{resp2_gone}", "{resp2_gone} == ''", "{resp0_yes} == 1", "true && false", "(true || true) && false", "!{resp0_s}"})
    EXPECT_FALSE(holds(text)) << text;
}

TEST_F(ExpressionTest, WhatIsNoneIsRefusedWithItsPlace) {
  EXPECT_EQ(why(""), "expected a value at character 1, found the end");
  EXPECT_EQ(why("{id} ="), "expected an operator such as && or ==, or the end at character 6, found \"=\"");
  EXPECT_EQ(why("{id} == "), "expected a value at character 9, found the end");
  EXPECT_EQ(why("(true"), "expected \")\" at character 6, found the end");
  EXPECT_EQ(why("'abc"), "expected a text that ends with ' at character 1, found \"'abc\"");
  EXPECT_EQ(why("{a b}"), "expected a name in braces such as {resp0_id} at character 1, found \"{a b}\"");
  EXPECT_EQ(why("maybe"), "expected a value: {name}, 'text', a number, true, false or null at character 1, found \"maybe\"");
  EXPECT_NE(why("{idd}").find("did you mean {id}?"), std::string::npos) << why("{idd}");
  EXPECT_NE(why("1 == 1 == 1"), "taken") << "comparisons are not chained";
  EXPECT_NE(why(std::string(33, '(') + "true" + std::string(33, ')')), "taken");
  EXPECT_EQ(why(std::string(20, '(') + "true" + std::string(20, ')')), "taken");
  EXPECT_NE(why(std::string(2001, ' ')), "taken");
}

TEST_F(ExpressionTest, EveryBeginningOfAConditionIsTakenOrRefused) {
  const std::string text = "!{resp0.status} && ({resp1_a.0.b} >= -1.5e3 || 'a\\'b' != \"c\") == true";
  for (size_t n = 0; n <= text.size(); ++n) {
    std::string told = why(text.substr(0, n));
    EXPECT_FALSE(told.empty()) << n;
  }
  for (int c = 1; c < 256; ++c)
    for (const std::string& at : {std::string(1, static_cast<char>(c)), "{id}" + std::string(1, static_cast<char>(c)) + "{id}"}) EXPECT_FALSE(why(at).empty());
}

TEST_F(ExpressionTest, ReferencesKnowWhatMayBeNamed) {
  auto told = [](const std::string& inside, const ReferenceNames& names) {
    std::string reason;
    auto r = parse_reference(inside, names, &reason);
    return r ? r->text() : reason;
  };
  ReferenceNames names = all_names();
  for (const char* good :
       {"id", "x.y", "resp0_a.b", "resp2", "resp1.status", "header.X-Tenant", "header.x-tenant", "header.X-Forwarded-For", "query.page", "JWT.sub"})
    EXPECT_EQ(told(good, names), "{" + std::string{good} + "}");
  EXPECT_NE(told("resp3_a", names).find("has 3 backends"), std::string::npos);
  EXPECT_NE(told("resp99999999999_a", names).find("has 3 backends"), std::string::npos);
  EXPECT_NE(told("resp0.size", names).find("expected a path"), std::string::npos);
  EXPECT_NE(told("header.Other", names).find("input_headers"), std::string::npos);
  EXPECT_NE(told("query.other", names).find("input_query_strings"), std::string::npos);
  names.steps = 0;
  EXPECT_NE(told("resp0_a", names).find("\"chain\": true"), std::string::npos);
}

TEST_F(ExpressionTest, TemplatesAreFilledOrSayWhatIsMissing) {
  auto filled = [this](const std::string& text) {
    std::string reason;
    auto t = Template::parse(text, all_names(), &reason);
    if (!t) return reason;
    std::string_view out;
    const Reference* missing = nullptr;
    return t->render(values_, &out, &missing) ? std::string{out} : "missing " + missing->text();
  };
  EXPECT_EQ(filled(""), "");
  EXPECT_EQ(filled("plain"), "plain");
  EXPECT_EQ(filled("{\"id\": {id}}"), "{\"id\": 12}") << "a brace that begins no name is a brace";
  EXPECT_EQ(filled("a{resp0_n}{resp0_yes}b{id}"), "a5trueb12");
  EXPECT_EQ(filled("x{resp0_null}"), "missing {resp0_null}");
  EXPECT_EQ(filled("{resp2_a}"), "missing {resp2_a}");
  EXPECT_NE(filled("{unknown}").find("undefined name"), std::string::npos);
  for (size_t n = 0; n <= 20; ++n) EXPECT_FALSE(filled(std::string{"a{resp0_n} {id} {{}}"}.substr(0, n)).empty() && n > 0);
}

}  // namespace
}  // namespace sluice::pipeline
