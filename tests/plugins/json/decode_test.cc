// Bodies → documents: encodings.md §2, §3 and §8, and the laziness that the rest of the gateway relies on.
#include "plugins/json/decode.h"

#include <gtest/gtest.h>

#include <random>

#include "core/document/shape.h"
#include "tests/support/document_host.h"

extern "C" const slc_entry SLC_ENTRY_SYMBOL;

namespace sluice::json {
namespace {

using document_host::DecoderFormat;
using document_host::Plugin;
using namespace std::string_literals;

class JsonDecodeTest : public ::testing::Test {
 protected:
  // The document as JSON, or "fail: " and the reason.
  std::string decode(std::string_view body, const char* name = "json", uint32_t flags = 0) { return decode_chunks({body}, name, flags); }
  std::string decode_chunks(std::vector<std::string_view> pieces, const char* name = "json", uint32_t flags = 0) {
    std::string result = run(pieces, name, flags, &workspace_);
    EXPECT_EQ(run(pieces, name, flags, nullptr), result);  // the scanner alone gives the same
    EXPECT_EQ(run(pieces, name, flags, &workspace_, true), result);  // and so does a document that stays whole
    return result;
  }
  std::string run(const std::vector<std::string_view>& pieces, const char* name, uint32_t flags, Workspace* workspace, bool whole = false) {
    const slc_decoder* table = plugin_.decoder(name);
    DecoderFormat format{table};
    std::vector<std::unique_ptr<char[]>> exact;
    std::vector<slc_str> chunks;
    for (auto p : pieces) {
      exact.emplace_back(new char[p.size()]);
      std::copy(p.begin(), p.end(), exact.back().get());
      chunks.push_back({exact.back().get(), p.size()});
    }
    Arena arena{pool_};
    slc_builder builder{document::Builder{arena, &format}};
    builder.build.want_whole(whole);
    slc_str why{};
    slc_status status = table->decode(workspace, chunks.data(), static_cast<uint32_t>(chunks.size()), flags, &builder, &why);
    if (status != SLC_OK) return "fail: " + std::string{view(why)};
    document::Node root;
    if (!builder.build.finish(&root)) return "spoilt";
    return document::to_json(arena, root);
  }

  BlockPool pool_;
  Plugin plugin_{SLC_ENTRY_SYMBOL};
  Workspace workspace_;
};

TEST_F(JsonDecodeTest, AnObjectIsTheDocument) {
  EXPECT_EQ(decode(R"({"a":1,"b":[1,{"c":"x"}]})"), R"({"a":1,"b":[1,{"c":"x"}]})");
  EXPECT_EQ(decode("{}"), "{}");
  EXPECT_EQ(decode(" \n{ \"a\" : 1 }\n"), R"({"a":1})");
}

TEST_F(JsonDecodeTest, NullIsANullDocument) { EXPECT_EQ(decode("null"), "null"); }

TEST_F(JsonDecodeTest, OtherTypesFail) {
  for (const char* body : {"[1]", "\"x\"", "1", "true"}) EXPECT_EQ(decode(body).substr(0, 5), "fail:") << body;
  EXPECT_NE(decode("[1]").find("is_collection"), std::string::npos);
}

TEST_F(JsonDecodeTest, ACollectionIsPutUnderItsKey) {
  EXPECT_EQ(decode("[1,\"a\",null,true,{\"b\":[]}]", "json", SLC_DECODE_COLLECTION), R"({"collection":[1,"a",null,true,{"b":[]}]})");
  EXPECT_EQ(decode("[]", "fast-json", SLC_DECODE_COLLECTION), R"({"collection":[]})");
  EXPECT_EQ(decode("null", "json", SLC_DECODE_COLLECTION), R"({"collection":null})");
  for (const char* body : {"{}", "\"x\"", "1", "true", ""}) EXPECT_EQ(decode(body, "json", SLC_DECODE_COLLECTION).substr(0, 5), "fail:") << body;
}

TEST_F(JsonDecodeTest, SafejsonTakesAnything) {
  for (uint32_t flags : {0u, uint32_t{SLC_DECODE_COLLECTION}}) {
    EXPECT_EQ(decode(R"({"a":1})", "safejson", flags), R"({"a":1})");
    EXPECT_EQ(decode("[1]", "safejson", flags), R"({"collection":[1]})");
    EXPECT_EQ(decode("\"x\\u0041\"", "safejson", flags), R"({"content":"xA"})");
    EXPECT_EQ(decode("12.50", "safejson", flags), R"({"content":12.50})");
    EXPECT_EQ(decode("true", "safejson", flags), R"({"content":true})");
    EXPECT_EQ(decode("null", "safejson", flags), R"({"content":null})");
    EXPECT_EQ(decode("{a}", "safejson", flags).substr(0, 5), "fail:");
    EXPECT_EQ(decode("", "safejson", flags).substr(0, 5), "fail:");
  }
}

TEST_F(JsonDecodeTest, EmptyAndBlankBodiesFail) {
  EXPECT_EQ(decode(""), "fail: the body is empty");
  EXPECT_EQ(decode(" \n\t"), "fail: the body is empty");
  EXPECT_EQ(decode_chunks({}), "fail: the body is empty");
  EXPECT_EQ(decode_chunks({"", ""}), "fail: the body is empty");
}

TEST_F(JsonDecodeTest, AByteOrderMarkFails) { EXPECT_EQ(decode("\xef\xbb\xbf{}").substr(0, 5), "fail:"); }

TEST_F(JsonDecodeTest, TheReasonNamesTheByte) { EXPECT_EQ(decode("{\"a\":1,}"), "fail: invalid JSON at byte 7: expected a key"); }

TEST_F(JsonDecodeTest, WhatFollowsTheFirstValueIsIgnored) {
  for (const char* behind : {"x", " {\"b\":2}", "}", "\"unclosed", "\xff", "\x01", " \\", " tru"})
    EXPECT_EQ(decode("{\"a\":[1]}"s + behind), R"({"a":[1]})") << behind;
  EXPECT_EQ(decode("nullx"), "null");
}

TEST_F(JsonDecodeTest, ALaterDuplicateTakesThePlaceOfTheFirst) { EXPECT_EQ(decode(R"({"a":1,"b":2,"\u0061":{"x":3}})"), R"({"a":{"x":3},"b":2})"); }

TEST_F(JsonDecodeTest, ManyDuplicatesLeaveTheLastOfEach) {
  std::string body = "{", expected = "{";
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 200; ++i) body += "\"k" + std::to_string(i) + "\":" + std::to_string(round * 1000 + i) + ",";
  body.back() = '}';
  for (int i = 0; i < 200; ++i) expected += "\"k" + std::to_string(i) + "\":" + std::to_string(2000 + i) + ",";
  expected.back() = '}';
  EXPECT_EQ(decode(body), expected);
}

TEST_F(JsonDecodeTest, NumbersKeepTheirText) {
  std::string body = R"({"a":1.0,"b":1e3,"c":1.50E+10,"d":-0,"e":123456789012345678901234567890})";
  EXPECT_EQ(decode(body), body);
}

TEST_F(JsonDecodeTest, EscapedKeysAreDecoded) { EXPECT_EQ(decode(R"({"a\u00e9\n":1})"), "{\"a\xc3\xa9\\n\":1}"); }

TEST_F(JsonDecodeTest, BadUtf8BecomesOneReplacementPerByte) {
  EXPECT_EQ(decode("{\"k\xff\":\"a\xe2\x82\",\"l\":[\"\xc0\xaf\"]}"), "{\"k\xef\xbf\xbd\":\"a\xef\xbf\xbd\xef\xbf\xbd\",\"l\":[\"\xef\xbf\xbd\xef\xbf\xbd\"]}");
  EXPECT_EQ(decode("\"\xff\"", "safejson"), "{\"content\":\"\xef\xbf\xbd\"}");
  EXPECT_EQ(decode("{\"a\":\xff}").substr(0, 5), "fail:");
  EXPECT_EQ(decode("[\"\xff\"]", "json", SLC_DECODE_COLLECTION), "{\"collection\":[\"\xef\xbf\xbd\"]}");
}

TEST_F(JsonDecodeTest, LoneSurrogatesAreAccepted) { EXPECT_EQ(decode(R"({"a":"\ud800"})"), "{\"a\":\"\xef\xbf\xbd\"}"); }

TEST_F(JsonDecodeTest, TenThousandLevelsAreReadWithoutRecursion) {
  std::string deep;
  for (int i = 0; i < 10'000; ++i) deep += "{\"a\":";
  deep += "1" + std::string(10'000, '}');
  EXPECT_EQ(decode(deep), deep);
  EXPECT_EQ(decode("{\"a\":" + deep + "}"), "fail: invalid JSON at byte 50000: nested too deep");
}

TEST_F(JsonDecodeTest, DeepTextIsExpandedManyLevelsAtOnceWithTheSameResult) {
  // Light siblings in front of and behind a heavy path, objects and arrays in turn, escaped keys on the way.
  std::string deep = "\"bottom\"";
  for (int i = 0; i < 500; ++i) {
    std::string n = std::to_string(i);
    deep = i % 2 ? "[" + n + "," + deep + ",[" + n + "]]" : "{\"a\":{\"n\":" + n + "},\"k\\n\":" + deep + ",\"z\":[]}";
  }
  EXPECT_EQ(decode("{\"x\":" + deep + "}"), "{\"x\":" + deep + "}");
  EXPECT_EQ(decode("[" + deep + "]", "safejson"), "{\"collection\":[" + deep + "]}");
  // Two deep children, none of them more than half.
  std::string two = "{\"p\":[" + deep + "," + deep + "]}";
  EXPECT_EQ(decode(two), two);
}

TEST_F(JsonDecodeTest, ABodyMayComeInAnyPieces) {
  std::string body = R"({"a":"x\u00e9y","b":[1,2,{"c":null}],"d":"é"})";
  std::string expected = decode(body);
  for (size_t n = 0; n <= body.size(); ++n)
    EXPECT_EQ(decode_chunks({std::string_view{body}.substr(0, n), std::string_view{body}.substr(n)}), expected) << n;
  std::vector<std::string_view> bytes;
  for (size_t i = 0; i < body.size(); ++i) bytes.push_back(std::string_view{body}.substr(i, 1));
  EXPECT_EQ(decode_chunks(bytes), expected);
}

TEST_F(JsonDecodeTest, EveryCutOfABodyFails) {
  std::string body = R"({"a":"x\u00e9y","b":[1,-2.5e3,{"c":null}],"d":"é","e":true})";
  for (size_t n = 0; n < body.size(); ++n) EXPECT_EQ(decode(body.substr(0, n)).substr(0, 5), "fail:") << body.substr(0, n);
}

TEST_F(JsonDecodeTest, MembersStayDeferredUntilSomebodyLooks) {
  const slc_decoder* table = plugin_.decoder("json");
  DecoderFormat format{table};
  Arena arena{pool_};
  std::string body = R"({"a":{"b":{"c":1}},"t":true})";
  slc_str chunk{body.data(), body.size()}, why{};
  slc_builder builder{document::Builder{arena, &format}};
  ASSERT_EQ(table->decode(&workspace_, &chunk, 1, 0, &builder, &why), SLC_OK);
  document::Node root;
  ASSERT_TRUE(builder.build.finish(&root));
  document::Node* a = document::find(arena, root, "a");
  ASSERT_TRUE(a);
  EXPECT_TRUE(a->deferred);
  document::Node* b = document::find(arena, *a, "b");
  ASSERT_TRUE(b);
  EXPECT_FALSE(a->deferred);
  EXPECT_TRUE(b->deferred);
  EXPECT_EQ(b->text, R"({"c":1})");
  EXPECT_EQ(b->text.data(), body.data() + body.find(R"({"c")"));  // a view of the body, no copy
  document::Node* t = document::find(arena, root, "t");
  ASSERT_TRUE(t);
  EXPECT_TRUE(document::boolean(&arena, *t));
}

TEST_F(JsonDecodeTest, ADocumentThatNobodyLooksIntoIsOnePieceOfTheBody) {
  const slc_decoder* table = plugin_.decoder("json");
  DecoderFormat format{table};
  Arena arena{pool_};
  std::string body = R"( {"a":1, "a":2} )";
  slc_str chunk{body.data(), body.size()}, why{};
  slc_builder builder{document::Builder{arena, &format}};
  builder.build.want_whole(true);
  ASSERT_EQ(table->decode(&workspace_, &chunk, 1, 0, &builder, &why), SLC_OK);
  document::Node root;
  ASSERT_TRUE(builder.build.finish(&root));
  EXPECT_TRUE(root.deferred);
  EXPECT_EQ(root.source, R"({"a":1, "a":2})");
}

TEST_F(JsonDecodeTest, WorkersShareOneWorkspaceAndGiveItBack) {
  const slc_decoder* table = plugin_.decoder("json");
  void *object = nullptr, *first = nullptr, *second = nullptr, *other = nullptr;
  ASSERT_EQ(table->life->create(nullptr, {nullptr, 0}, nullptr, &object), SLC_OK);
  int a = 0, b = 0;
  auto worker = [](int& w) { return reinterpret_cast<slc_worker*>(&w); };
  ASSERT_EQ(table->life->worker_start(object, worker(a), &first), SLC_OK);
  ASSERT_EQ(table->life->worker_start(object, worker(a), &second), SLC_OK);
  ASSERT_EQ(table->life->worker_start(object, worker(b), &other), SLC_OK);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
  table->life->worker_stop(first);
  table->life->worker_stop(other);
  slc_str chunk{"{}", 2}, why{};
  Arena arena{pool_};
  slc_builder builder{document::Builder{arena, nullptr}};
  EXPECT_EQ(table->decode(second, &chunk, 1, 0, &builder, &why), SLC_OK);  // one user is left
  table->life->worker_stop(second);
  table->life->destroy(object);
}

}  // namespace
}  // namespace sluice::json
