// Documents → bodies: pipeline.md §8.1 and deviation 31, alone and behind shaping and merging.
#include "plugins/json/encode.h"

#include <gtest/gtest.h>

#include <deque>

#include "core/document/shape.h"
#include "plugins/json/decode.h"
#include "tests/support/document_host.h"

extern "C" const slc_entry SLC_ENTRY_SYMBOL;

namespace sluice::json {
namespace {

using document::Node;
using document::Shape;
using document_host::DecoderFormat;
using document_host::Plugin;
using namespace std::string_literals;

class JsonEncodeTest : public ::testing::Test {
 protected:
  Node decode(std::string_view body) {
    slc_str chunk{body.data(), body.size()}, why{};
    slc_builder builder{document::Builder{arena_, &format_}};
    Node root;
    EXPECT_EQ(format_.decoder->decode(&workspace_, &chunk, 1, 0, &builder, &why), SLC_OK) << view(why);
    EXPECT_TRUE(builder.build.finish(&root));
    return root;
  }
  std::string encode(Node& root, const char* name = "json") {
    exchange_.pieces.clear();
    EXPECT_EQ(plugin_.encoder(name)->encode(nullptr, &exchange_, document_host::handle(&root, &arena_)), SLC_OK);
    return exchange_.body();
  }
  std::string shaped(std::string_view body, Shape::Options options) {
    Node root = decode(body);
    shapes_.emplace_back(std::move(options)).apply(arena_, root);
    return encode(root);
  }

  std::deque<Shape> shapes_;  // names that rules put into documents belong to the rules
  BlockPool pool_;
  Arena arena_{pool_};
  Plugin plugin_{SLC_ENTRY_SYMBOL};
  DecoderFormat format_{plugin_.decoder("json")};
  Workspace workspace_;
  slc_exchange exchange_{&arena_, {}, {}};
};

TEST_F(JsonEncodeTest, UntouchedTextComesOutAsItWentIn) {
  for (const char* body : {R"({"b":1.0,"a":"\u00e9<>&\/","n":{"x":1,"x":2},"s":"\ud800"})", "{}", "null", R"({"a":[ 1 , 2 ]})"}) {
    Node root = decode(body);
    EXPECT_EQ(encode(root), body);
  }
}

TEST_F(JsonEncodeTest, AnUntouchedObjectIsOneRun) {
  std::string body = R"({"a":")" + std::string(2000, 'x') + R"(","b":2})";
  Node root = decode(body);
  EXPECT_EQ(encode(root), body);
  ASSERT_EQ(exchange_.pieces.size(), 3u);
  EXPECT_EQ(exchange_.pieces[1].data(), body.data() + 1);  // a view of the backend's body
}

TEST_F(JsonEncodeTest, SmallBodiesAreOnePiece) {
  EXPECT_EQ(shaped(R"({"a":1,"b":2,"c":3})", {.target = {}, .allow = {}, .deny = {"b"}, .mapping = {}, .group = "g"}), R"({"g":{"a":1,"c":3}})");
  EXPECT_EQ(exchange_.pieces.size(), 1u);
}

TEST_F(JsonEncodeTest, LookingIntoAValueDoesNotChangeIt) {
  std::string body = R"({"a":{"b":"\u0041","c":[ 1,{"d":2}]},"e":"\/"})";
  Node root = decode(body);
  document::to_json(arena_, root);  // expands everything
  EXPECT_EQ(encode(root), body);
}

TEST_F(JsonEncodeTest, AChangeDeepInsideIsWrittenAndTheRestKeepsItsText) {
  Node root = decode(R"({"k":"\/","a":{"b":{"c":1,"d":"\/"},"e":"\u0041"}})");
  Node* b = document::find_path(arena_, root, "a.b");
  ASSERT_TRUE(b);
  ASSERT_TRUE(document::erase(arena_, *b, "c"));
  EXPECT_EQ(encode(root), R"({"k":"\/","a":{"b":{"d":"\/"},"e":"\u0041"}})");
}

TEST_F(JsonEncodeTest, RulesCutMembersOut) {
  std::string body = R"({"a":1,"b":{"x":"\u0041","y":[ 2 ]},"c":"\/","d":null})";
  EXPECT_EQ(shaped(body, {.target = {}, .allow = {}, .deny = {"a", "b.x"}, .mapping = {}, .group = {}}), R"({"b":{"y":[ 2 ]},"c":"\/","d":null})");
  EXPECT_EQ(shaped(body, {.target = {}, .allow = {"b.x", "c"}, .deny = {}, .mapping = {}, .group = {}}), R"({"b":{"x":"\u0041"},"c":"\/"})");
  EXPECT_EQ(shaped(body, {.target = "b", .allow = {}, .deny = {}, .mapping = {}, .group = {}}), R"({"x":"\u0041","y":[ 2 ]})");
  EXPECT_EQ(shaped(body, {.target = {}, .allow = {"c"}, .deny = {}, .mapping = {{"c", "<new>.x"}}, .group = "g\""}), R"({"g\"":{"\u003cnew\u003e":"\/"}})");
}

TEST_F(JsonEncodeTest, AMergeIsMadeOfTheBackendsText) {
  Node parts[] = {decode(R"({"a":1,"b":"\/"})"), decode("null"), decode(R"({"b":[ 2],"c":3})")};
  Node merged = document::merge(arena_, parts);
  EXPECT_EQ(encode(merged), R"({"a":1,"b":[ 2],"c":3})");
}

TEST_F(JsonEncodeTest, StringsBuiltHereAreSpeltAsTheReferenceDoes) {
  struct Case {
    std::string characters, text;
  };
  for (const Case& c : {Case{"plain", "plain"}, {"\"\\/", "\\\"\\\\/"}, {"\b\f\n\r\t", "\\b\\f\\n\\r\\t"}, {"\x01\x1f\x7f", "\\u0001\\u001f\x7f"},
                        {"<a href=x>&", "\\u003ca href=x\\u003e\\u0026"}, {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\\u2028\\u2029\xe2\x80\xaa"},
                        {"\xff\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"caf\xc3\xa9<\xf0\x9f\x98\x80", "caf\xc3\xa9\\u003c\xf0\x9f\x98\x80"},
                        {"\0"s, "\\u0000"}, {"", ""}}) {
    document::ObjectWriter object{arena_};
    object.set(c.characters, document::make_string(c.characters));
    Node root = object.finish();
    EXPECT_EQ(encode(root), "{\"" + c.text + "\":\"" + c.text + "\"}");
  }
}

TEST_F(JsonEncodeTest, BuiltValuesOfEveryKind) {
  document::Builder b{arena_, nullptr};
  b.begin(document::Kind::array);
  b.null(), b.boolean(true), b.boolean(false), b.integer(-7), b.number(0.5), b.number_text("1.0"), b.string("s");
  b.begin(document::Kind::object), b.end(), b.begin(document::Kind::array), b.end(), b.end();
  Node root;
  ASSERT_TRUE(b.finish(&root));
  EXPECT_EQ(encode(root), R"([null,true,false,-7,0.5,1.0,"s",{},[]])");
}

TEST_F(JsonEncodeTest, NoDataIsNull) {
  EXPECT_EQ(plugin_.encoder("json")->encode(nullptr, &exchange_, {nullptr, 0}), SLC_OK);
  EXPECT_EQ(exchange_.body(), "null");
}

TEST_F(JsonEncodeTest, ACollectionIsWrittenWithoutItsKey) {
  for (auto [body, text] : {std::pair{R"({"collection":[ 1],"x":2})", "[ 1]"}, {R"({"collection":null})", "null"}, {R"({"collection":{"a":1}})", "{\"a\":1}"},
                            {R"({"x":1})", "[]"}, {"null", "[]"}, {"{}", "[]"}}) {
    Node root = decode(body);
    EXPECT_EQ(encode(root, "json-collection"), text) << body;
  }
}

TEST_F(JsonEncodeTest, TenThousandLevelsAreWrittenWithoutRecursion) {
  document::Builder b{arena_, nullptr};
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(b.begin(document::Kind::array));
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(b.end());
  Node root;
  ASSERT_TRUE(b.finish(&root));
  EXPECT_EQ(encode(root), std::string(10'000, '[') + std::string(10'000, ']'));

  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  deep += "1" + std::string(10'000, '}');
  Node decoded = decode(deep);
  EXPECT_EQ(encode(decoded), deep);
  Node* bottom = &decoded;
  for (int i = 0; i < 9'999; ++i) ASSERT_TRUE(bottom = document::find(arena_, *bottom, "a"));
  EXPECT_EQ(encode(decoded), deep);
  ASSERT_TRUE(document::erase(arena_, *bottom, "a"));
  std::string emptied;
  for (int i = 0; i < 9'999; ++i) emptied += "{\"a\":";
  EXPECT_EQ(encode(decoded), emptied + "{}" + std::string(9'999, '}'));
}

TEST_F(JsonEncodeTest, ContentTypesAreTheReferences) {
  for (const char* name : {"json", "fast-json", "json-collection"})
    EXPECT_EQ(view(plugin_.encoder(name)->content_type), "application/json; charset=utf-8");
}

TEST_F(JsonEncodeTest, BigDocumentsOfManySmallPiecesAreWhole) {
  std::string body = "{", expected = "{";
  for (int i = 0; i < 5'000; ++i) {
    std::string n = std::to_string(i);
    body += "\"key" + n + "\":\"value " + n + "\",\"drop" + n + "\":0,";
    expected += "\"key" + n + "\":\"value " + n + "\",";
  }
  body.back() = '}', expected.back() = '}';
  Shape::Options options;
  for (int i = 0; i < 5'000; ++i) options.deny.push_back("drop" + std::to_string(i));
  EXPECT_EQ(shaped(body, options), expected);
  EXPECT_LT(exchange_.pieces.size(), 20u);
}

}  // namespace
}  // namespace sluice::json
