// JSON as a text: what is refused, where, and what the message says.
#include "core/config/syntax.h"

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

TEST(SyntaxTest, MessagesNamePlaceAndExpectation) {
  struct Case {
    const char *text, *expected;
  } cases[] = {
      {"", "c.json:1:1: error: expected a value, found the end of the file\n"},
      {" \n ", "c.json:2:2: error: expected a value, found the end of the file\n"},
      {"{\"version\": 3, \"endpoints\": [}", "c.json:1:30: error: expected a value or ']', found '}'\n"},
      {"{\"version\": 3, \"endpoints\": [],}",
       "c.json:1:32: error: expected a key, found '}'; JSON allows no comma before it\n"},
      {"[1,\n 2,\n]", "c.json:3:1: error: expected a value, found ']'; JSON allows no comma before it\n"},
      {"{\n  \"a\": 1\n  \"b\": 2\n}",
       "c.json:3:3: error: expected ',' or '}', found a text; is a comma missing before it?\n"},
      {"{\n  // x\n}", "c.json:2:3: error: expected a key in double quotes, found a comment; JSON allows none\n"},
      {"{\"a\": 1 /* x */}", "c.json:1:9: error: expected ',' or '}', found a comment; JSON allows none\n"},
      {"{a: 1}", "c.json:1:2: error: expected a key in double quotes, found 'a'\n"},
      {"{'a': 1}",
       "c.json:1:2: error: expected a key in double quotes, found a single quote; JSON texts stand in double quotes\n"},
      {"{\"a\" 1}", "c.json:1:6: error: expected ':' behind the key, found '1'\n"},
      {"{\"a\": True}", "c.json:1:7: error: expected a value, found 'True'\n"},
      {"{\"a\": nullx}", "c.json:1:7: error: expected a value, found 'nullx'\n"},
      {"{\"a\": 1} {}", "c.json:1:10: error: expected the end of the file, found '{'\n"},
      {"{\"a\":\n {\"b\": 1",
       "c.json:2:9: error: expected ',' or '}', found the end of the file; the '{' of line 2 is not closed\n"},
      {"{\"a\": \"x", "c.json:1:7: error: the text that begins here is not closed\n"},
      {"{\"a\": \"x\n\"}", "c.json:1:7: error: the text that begins here is not closed on its line\n"},
      {"{\"a\": \"\t\"}", "c.json:1:8: error: a text holds the control character 9; write it as an escape\n"},
      {"{\"a\": \"\\x\"}", "c.json:1:8: error: unknown escape in a text\n"},
      {"{\"a\": \"\\u12g4\"}", "c.json:1:8: error: expected four hexadecimal digits behind \\u\n"},
      {"{\"a\": \"\\ud800\"}", "c.json:1:8: error: a high surrogate escape without a low one behind it\n"},
      {"{\"a\": \"\\udc00\"}", "c.json:1:8: error: a low surrogate escape without a high one before it\n"},
      {"{\"a\": \"\xff\"}", "c.json:1:8: error: the byte 255 is no UTF-8\n"},
      {"{\"a\": 01}", "c.json:1:7: error: a number has no leading zeros\n"},
      {"{\"a\": 1.}", "c.json:1:7: error: expected digits behind the number's '.'\n"},
      {"{\"a\": 1e}", "c.json:1:7: error: expected digits in the number's exponent\n"},
      {"{\"a\": -}", "c.json:1:7: error: expected digits behind '-'\n"},
      {"{\"a\": 1x}", "c.json:1:7: error: expected a number, found '1x'\n"},
      {"{\"a\": 1e999}", "c.json:1:7: error: the number is too large\n"},
      {"\xef\xbb\xbf{}", "c.json:1:1: error: the file begins with a byte-order mark; JSON allows none\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(problems(c.text), c.expected) << c.text;
}

TEST(SyntaxTest, ColumnsCountCharacters) {
  EXPECT_EQ(problems("{\"\xc3\xa4\xc3\xa4\": x}"), "c.json:1:8: error: expected a value, found 'x'\n");
}

TEST(SyntaxTest, NestingIsLimited) {
  std::string deep(kMaxDepth, '['), close(kMaxDepth, ']');
  SyntaxFault fault;
  EXPECT_TRUE(parse_json(deep + close, fault));
  EXPECT_FALSE(parse_json("[" + deep + close + "]", fault));
  EXPECT_EQ(fault.offset, kMaxDepth);
  EXPECT_HAS(fault.message, "nested deeper");
  EXPECT_FALSE(parse_json(std::string(1 << 20, '['), fault)) << "and neither recursion nor time follow the text";
}

TEST(SyntaxTest, LastOfEqualKeysWins) {
  EXPECT_EQ(good(R"({"version": 2, "version": 3, "name": "a", "name": "b"})")->name, "b");
  EXPECT_EQ(problems("{\"version\": 3, \"port\": 1,\n \"port\": \"x\"}"),
            "c.json:2:2: error: /port: expected a whole number, found the text \"x\"\n");
}

TEST(SyntaxTest, NumbersAreTheNearestDouble) {
  SyntaxFault fault;
  for (double d :
       {0.3, 1294.8756137479543, 201.92752100840337, 1e-300, 123456.789e10, 5e-324, 1.7976931348623157e308}) {
    char buffer[64];
    snprintf(buffer, sizeof buffer, "%.17g", d);
    auto v = parse_json(buffer, fault);
    ASSERT_TRUE(v) << buffer;
    EXPECT_EQ(v->to_number<double>(), d) << buffer;
  }
  EXPECT_EQ(parse_json("1e-999", fault)->to_number<double>(), 0);
  EXPECT_EQ(parse_json("9007199254740993", fault)->get_int64(), 9007199254740993);
  EXPECT_TRUE(std::signbit(parse_json("-0", fault)->get_double()));
}

// Every beginning of a valid text is no valid text, and its fault lies within.
TEST(SyntaxTest, EveryPrefixIsRefusedInsideTheText) {
  const std::string text =
      R"({"a": [1, -2.5e+3, true, null, "\u00e4\ud83d\ude00\n", "äö€😀"], "b": {"c": {}, "d": []}, "e": "x"})";
  SyntaxFault fault;
  ASSERT_TRUE(parse_json(text, fault));
  for (size_t n = 0; n < text.size(); ++n) {
    fault = {};
    EXPECT_FALSE(parse_json(text.substr(0, n), fault)) << n;
    EXPECT_LE(fault.offset, n);
    EXPECT_FALSE(fault.message.empty());
  }
}

// Boost.JSON decides, the diagnosis explains: whatever the one refuses the other must find too.
TEST(SyntaxTest, DiagnosisFindsWhatTheParserRefuses) {
  const std::string text = R"({"a": [1, -2.5e+3, true, "\u00e4\n"], "b": {"c": 0}})";
  for (size_t at = 0; at < text.size(); ++at) {
    for (char c : std::string{"\0{}[]\",:x0-.e\\\x80 \n/"}) {
      std::string broken = text;
      broken[at] = c;
      SyntaxFault fault;
      if (parse_json(broken, fault)) continue;
      EXPECT_EQ(fault.message.find("syntax error"), std::string::npos) << broken;
      EXPECT_LE(fault.offset, broken.size());
    }
  }
}

TEST(SyntaxTest, TopMustBeAnObject) {
  EXPECT_EQ(problems("[]"), "c.json:1:1: error: expected an object at the top, found a list\n");
  EXPECT_EQ(problems(" 3"), "c.json:1:2: error: expected an object at the top, found the number 3\n");
  EXPECT_EQ(problems("null"), "c.json:1:1: error: unsupported version: found 0, expected \"version\": 3\n");
}

}  // namespace
}  // namespace sluice::config
