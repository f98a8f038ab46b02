// Grammar, ranges and characters; the walk over simdjson's index against the scanner.
#include "../scan.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "../walk.h"

namespace sluice::json {
namespace {

using namespace std::string_literals;

// The text on the heap in exactly its size, so that a sanitizer sees a read behind it.
class Exact {
 public:
  explicit Exact(std::string_view s) : data_{new char[s.size()]}, size_{s.size()} { std::copy(s.begin(), s.end(), data_.get()); }
  std::string_view view() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<char[]> data_;
  size_t size_;
};

bool accepts(std::string_view text) {
  Exact exact{text};
  Members members;
  Scan found;
  return scan(exact.view(), members, &found);
}

// Both ways; true when both accept. Disagreement is a test failure.
bool both(Index& index, std::string_view text) {
  Exact exact{text};
  Members scanned, walked;
  Scan found;
  bool by_scan = scan(exact.view(), scanned, &found);
  if (!index.build(exact.view())) return false;  // the scanner's business alone
  size_t begin = 0, end = 0;
  bool escapes = false;
  bool by_walk = walk(exact.view(), index, &walked, &begin, &end, &escapes);
  char first = found.begin < text.size() ? text[found.begin] : 0;
  if (first != '{' && first != '[') {
    EXPECT_FALSE(by_walk) << text;
    return by_scan;
  }
  EXPECT_EQ(by_scan, by_walk) << text;
  if (by_scan && by_walk) {
    EXPECT_EQ(found.begin, begin) << text;
    EXPECT_EQ(found.end, end) << text;
    EXPECT_TRUE(scanned == walked) << text;
    EXPECT_EQ(escapes, exact.view().substr(begin, end - begin).find('\\') != std::string_view::npos) << text;
    EXPECT_TRUE(walk(exact.view(), index, nullptr, &begin, &end, &escapes)) << text;
  }
  return by_scan && by_walk;
}

TEST(JsonScanTest, AcceptsWhatTheGrammarAllows) {
  for (const char* text :
       {"{}", "[]", " \t\r\n{ } ", "[[],{}]", "null", "true", "false", "0", "-0", "-0.0", "1e3", "1E+3", "1e-3", "0.5e10", "1.50E+10",
        "123456789012345678901234567890", "\"\"", "\"a\"", R"("\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00\ud800")", R"({"a":1,"b":[true,false,null]})",
        "{\"\":{\"\":[]}}", "\"\x7f\"", "[ 1 , 2 ]", "{\"a\" : 1 , \"b\" : 2}", "\"caf\xc3\xa9\""})
    EXPECT_TRUE(accepts(text)) << text;
}

TEST(JsonScanTest, RefusesWhatItDoesNot) {
  for (std::string text :
       {""s, " "s, "{"s, "}"s, "["s, "]"s, "[1"s, "[1,"s, "[1,]"s, "[,1]"s, "{\"a\"}"s, "{\"a\":}"s, "{\"a\":1,}"s, "{,}"s, "{a:1}"s, "{1:1}"s,
        "{'a':1}"s, "[1 2]"s, "[1}"s, "{\"a\":1]"s, "nul"s, "tru"s, "fals"s, "Null"s, "NaN"s, "Infinity"s, "-"s, "+1"s, ".5"s, "[01]"s, "[1.]"s,
        "[1.e3]"s, "[1e]"s, "[1e+]"s, "[-]"s, "[0x1]"s, "[--1]"s, "\""s, "\"a"s, "\"a\\\""s, "\"\\x\""s, "\"\\u12\""s, "\"\\u12g4\""s, "\"\n\""s,
        "\"\t\""s, "\"\x1f\""s, "\"\0\""s, "[/*c*/1]"s, "[1]"s.insert(1, "\0", 1), "\xef\xbb\xbf{}"s, "[tru e]"s, "[\"a\" \"b\"]"s, "[nulll]"s,
        "{\"a\" 1}"s, "[1\x0c,2]"s, "{\"a\"\x1a 1}"s, "\xff"s})
    EXPECT_FALSE(accepts(text)) << text;
}

TEST(JsonScanTest, BothWaysAgreeOnEveryNumberOfUpToSevenCharacters) {
  // Once at the end of the text, where the walk must not read ahead, and once with room behind.
  Index index;
  constexpr std::string_view kLetters = "01.-+e";
  uint32_t accepted = 0;
  for (size_t length = 1; length <= 7; ++length) {
    std::vector<size_t> digits(length, 0);
    for (bool more = true; more;) {
      std::string number;
      for (size_t d : digits) number += kLetters[d];
      accepted += both(index, "[" + number + "]");
      both(index, "[" + number + " ,2,\"some more text\"]");
      size_t i = 0;
      while (i < length && ++digits[i] == kLetters.size()) digits[i++] = 0;
      more = i < length;
    }
  }
  EXPECT_GT(accepted, 1000u);
}

TEST(JsonScanTest, BothWaysAgreeOnNumbersOfAnyLength) {
  Index index;
  for (std::string_view sign : {"", "-"})
    for (size_t whole = 1; whole < 20; ++whole)
      for (size_t fraction = 0; fraction < 20; ++fraction) {
        std::string number = std::string{sign} + std::string(whole, '9') + (fraction ? "." + std::string(fraction, '0') : "");
        EXPECT_TRUE(both(index, "{\"a\":" + number + ",\"b\":[" + number + "\t,0]}")) << number;
        EXPECT_FALSE(both(index, "{\"a\":" + number + ".,\"b\":\"and some text behind it\"}")) << number;
        EXPECT_FALSE(both(index, "{\"a\":" + number + "x,\"b\":\"and some text behind it\"}")) << number;
      }
}

TEST(JsonScanTest, TakesTheFirstValueAndIgnoresTheRest) {
  for (auto [text, end] : {std::pair{"{} x", 2}, {"[1]]", 3}, {"null,", 4}, {"nullx", 4}, {"12abc", 2}, {"01", 1}, {"\"a\"\"b", 3}}) {
    Members members;
    Scan found;
    EXPECT_TRUE(scan(text, members, &found)) << text;
    EXPECT_EQ(found.end, static_cast<size_t>(end)) << text;
  }
}

TEST(JsonScanTest, SaysWhereAndWhy) {
  Members members;
  Scan found;
  EXPECT_FALSE(scan("{\"a\":1,}", members, &found));
  EXPECT_EQ(found.wrong_at, 7u);
  EXPECT_STREQ(found.wrong, "expected a key");
  EXPECT_FALSE(scan("{\"a\": tru}", members, &found));
  EXPECT_EQ(found.wrong_at, 6u);
  EXPECT_STREQ(found.wrong, "no JSON value");
}

TEST(JsonScanTest, ListsTheMembersOfTheTopLevelOnly) {
  std::string text = R"( { "a" : {"x":[1,{"y":2}]} , "b\n":2.5 ,"":null} )";
  Members members;
  Scan found;
  ASSERT_TRUE(scan(text, members, &found));
  ASSERT_EQ(members.size(), 3u);
  auto key = [&](int i) { return text.substr(members[i].key, members[i].key_end - members[i].key); };
  auto value = [&](int i) { return text.substr(members[i].value, members[i].value_end - members[i].value); };
  EXPECT_EQ(key(0), "a");
  EXPECT_EQ(value(0), R"({"x":[1,{"y":2}]})");
  EXPECT_EQ(key(1), "b\\n");
  EXPECT_EQ(value(1), "2.5");
  EXPECT_EQ(key(2), "");
  EXPECT_EQ(value(2), "null");
}

TEST(JsonScanTest, NestsTenThousandLevelsAndNoDeeper) {
  Index index;
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(both(index, nested(10'000)));
  EXPECT_FALSE(both(index, nested(10'001)));
  std::string mixed;
  for (int i = 0; i < 5'000; ++i) mixed += "{\"a\":[";
  for (int i = 0; i < 5'000; ++i) mixed += "]}";
  EXPECT_TRUE(both(index, mixed));
}

TEST(JsonScanTest, DecodesEscapes) {
  auto decoded = [](std::string_view inner) {
    std::string out(inner.size(), '\0');
    out.resize(decode_string(inner, out.data()));
    return out;
  };
  EXPECT_EQ(decoded("plain"), "plain");
  EXPECT_EQ(decoded(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(decoded(R"(a\u0041\u00e9\u20AC\uD83D\uDE00z)"), "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
  EXPECT_EQ(decoded(R"(\ud800)"), "\xef\xbf\xbd");
  EXPECT_EQ(decoded(R"(\udc00x)"), "\xef\xbf\xbdx");
  EXPECT_EQ(decoded(R"(\ud800\ud83d\ude00)"), "\xef\xbf\xbd\xf0\x9f\x98\x80");
  EXPECT_EQ(decoded(R"(\ud800\n)"), "\xef\xbf\xbd\n");
  EXPECT_EQ(decoded(R"(\u0000)"), "\0"s);
}

TEST(JsonScanTest, RepairsOneCharacterPerBadByte) {
  auto repaired = [](std::string_view text) {
    std::string out(text.size() + 2 * bad_utf8_bytes(text), '\0');
    out.resize(repair_utf8(text, out.data()));
    return out;
  };
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(repaired("a\xff" "b"), "a" + r + "b");
  EXPECT_EQ(repaired("\xe2\x82"), r + r);                   // cut short
  EXPECT_EQ(repaired("\xc0\xaf"), r + r);                   // overlong
  EXPECT_EQ(repaired("\xed\xa0\x80"), r + r + r);           // surrogate
  EXPECT_EQ(repaired("\xf4\x90\x80\x80"), r + r + r + r);   // behind U+10FFFF
  EXPECT_EQ(repaired("\xf0\x9f\x98\x80\xc3\xa9"), "\xf0\x9f\x98\x80\xc3\xa9");
  EXPECT_EQ(repaired("\xc3" "a"), r + "a");
}

TEST(JsonScanTest, SkipsValuesOfEveryKind) {
  for (std::string_view value : {"1", "-1.5e3", "true", "\"a\"", R"("a\"b")", R"("\\")", "{}", "[]", R"({"a":"}"})", R"(["]",["[",{"x":"\"]"}]])"}) {
    for (std::string_view behind : {",1", "]", "}", " ", ""}) {
      Exact text{std::string{value} + std::string{behind}};
      const char* begin = text.view().data();
      uint32_t deepest = 99;
      EXPECT_EQ(skip_value(begin, begin + text.view().size(), &deepest), begin + value.size()) << value << behind;
      EXPECT_EQ(deepest, value == R"(["]",["[",{"x":"\"]"}]])" ? 3u : value[0] == '{' || value[0] == '[' ? 1u : 0u) << value;
    }
  }
}

TEST(JsonScanTest, FindsTheContainersThatTakeMoreThanHalf) {
  auto path = [](std::string_view text) {
    std::vector<uint32_t> open(64);
    open.resize(heavy_path(text, open.data()));
    return open;
  };
  using Path = std::vector<uint32_t>;
  EXPECT_EQ(path("[]"), (Path{0}));
  EXPECT_EQ(path("[1,[2]]"), (Path{0}));
  EXPECT_EQ(path("[[[[\"]]]]]]]]]]]]\"]],1]]"), (Path{0, 1, 2, 3}));
  EXPECT_EQ(path(R"({"a":[1],"b":{"c":[1,2,3,4,5,6,7,8,9,10,11,12,13]},"d":[2]})"), (Path{0, 13, 18}));
  EXPECT_EQ(path(R"([["aaaaaa"],["bbbbbb"]])"), (Path{0}));
}

const char* const kSamples[] = {
    R"({"id":1,"name":"caf\u00e9","tags":["a","b",{"c":null}],"nested":{"x":{"y":[1,2.5e-3,true]}},"z":"\ud83d\ude00"})",
    "[ 1 , -0.5 , \"x\\\\\" , { } , [ ] , { \"k\" : [ null , false ] } ]",
    "{\n  \"pretty\": {\n    \"list\": [\n      1,\n      2\n    ]\n  },\n  \"s\": \"\xe2\x82\xac and a rather long text, to fill blocks of sixty-four\"\n}\n",
    R"({"a":"\"\\\"","b":"\\\\","c\"d":[[[[[[{}]]]]]],"e":1E5,"f":"////","":0})",
};

TEST(JsonWalkTest, AgreesWithTheScannerOnSamplesCutAnywhere) {
  Index index;
  for (std::string_view sample : kSamples) {
    EXPECT_TRUE(both(index, sample));
    std::string_view whole = sample.substr(0, sample.find_last_of("}]") + 1);
    for (size_t n = 0; n < whole.size(); ++n) {
      EXPECT_FALSE(both(index, whole.substr(0, n))) << whole.substr(0, n);
      EXPECT_FALSE(accepts(whole.substr(0, n))) << whole.substr(0, n);
    }
  }
}

TEST(JsonWalkTest, AgreesWithTheScannerOnTensOfThousandsOfMutations) {
  Index index;
  std::mt19937 random{20240601};
  static constexpr std::string_view kInteresting = "{}[]:,\"\\ \n\t0123456789-+.eEtrufalsn/u\x01\x0c\x1a\x7f\xc3\xa9";
  int accepted = 0;
  for (int round = 0; round < 40'000; ++round) {
    std::string text = kSamples[random() % std::size(kSamples)];
    for (int edits = 1 + static_cast<int>(random() % 3); edits--;) {
      size_t at = random() % text.size();
      char c = kInteresting[random() % kInteresting.size()];
      switch (random() % 4) {
        case 0: text[at] = c; break;
        case 1: text.erase(at, 1 + random() % 3); break;
        case 2: text.insert(at, 1, c); break;
        default: {
          std::string piece = text.substr(at, random() % 12);
          text.insert(random() % text.size(), piece);
        }
      }
      if (text.empty()) text = " ";
    }
    accepted += both(index, text);
    if (::testing::Test::HasFailure()) break;
  }
  // The mutations must not be so wild that everything is refused.
  EXPECT_GT(accepted, 2'000);
}

TEST(JsonWalkTest, WorksOnWhenTheIndexWasGrownAndShrunk) {
  Index index;
  std::string big = "[" + std::string(6 << 20, ' ') + "1]";
  EXPECT_TRUE(both(index, big));
  index.shrink();
  EXPECT_TRUE(both(index, "[1]"));
}

}  // namespace
}  // namespace sluice::json
