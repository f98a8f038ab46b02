#include <sluice/detail/testing_json.hpp>  // first: it must compile alone

#include <gtest/gtest.h>

using sluice::testing::Json;
using sluice::testing::JsonBuilder;
using sluice::testing::JsonService;

namespace {

std::string round_trip(std::string_view s) {
  std::string error;
  const Json j = Json::parse(s, error);
  return error.empty() ? j.write() : "error";
}

}  // namespace

TEST(TestingJsonTest, KeepsNumbersAndOrder) {
  EXPECT_EQ(round_trip(R"( {"b": 1.0, "a": [true, false, null, -0, 1e5, "x"]} )"), R"({"b":1.0,"a":[true,false,null,-0,1e5,"x"]})");
  EXPECT_EQ(round_trip(R"({"a":1,"a":2})"), R"({"a":2})");
  EXPECT_EQ(round_trip(R"("\u00e9\ud83d\ude00\n\/")"), "\"\xC3\xA9\xF0\x9F\x98\x80\\u000a/\"");
}

TEST(TestingJsonTest, RefusesWhatIsNoJson) {
  for (const char* bad : {"", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1.", "+1", "nul", "\"", "\"\\x\"", "\"\\u12g4\"", "1 2", "[1}", "\"\n\""}) {
    EXPECT_EQ(round_trip(bad), "error") << bad;
  }
  EXPECT_EQ(round_trip(std::string(200, '[')), "error");
}

TEST(TestingJsonTest, NoPrefixOfADocumentIsADocument) {
  const std::string all = R"({"a":[1,{"b":"c\u0041"},true],"d":null})";
  for (size_t n = 0; n < all.size(); ++n) EXPECT_EQ(round_trip(all.substr(0, n)), "error") << n;
  EXPECT_NE(round_trip(all), "error");
}

TEST(TestingJsonTest, ABuilderRefusesTokensThatDoNotFit) {
  const slc_document_api& d = *JsonService::table();
  const auto spoilt = [&](auto&& calls) {
    JsonBuilder b;
    calls(b.handle());
    return !b.complete();
  };
  EXPECT_TRUE(spoilt([&](slc_builder* b) { d.begin(b, SLC_OBJECT), d.integer(b, 1), d.end(b); }));
  EXPECT_TRUE(spoilt([&](slc_builder* b) { d.begin(b, SLC_OBJECT), d.key(b, {"a", 1}), d.end(b); }));
  EXPECT_TRUE(spoilt([&](slc_builder* b) { d.integer(b, 1), d.integer(b, 2); }));
  EXPECT_TRUE(spoilt([&](slc_builder* b) { d.end(b); }));
  EXPECT_TRUE(spoilt([&](slc_builder* b) { d.number_text(b, {"01", 2}); }));
  EXPECT_TRUE(spoilt([&](slc_builder*) {}));
  EXPECT_FALSE(spoilt([&](slc_builder* b) { d.begin(b, SLC_ARRAY), d.number(b, 1.5), d.literal(b, SLC_BOOL, 1), d.end(b); }));
}
