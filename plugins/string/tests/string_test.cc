#include <gtest/gtest.h>

#include "../../json/tests/document_host.h"

extern "C" const slc_entry SLC_ENTRY_SYMBOL;

namespace {

using namespace document_host;

class StringTest : public ::testing::Test {
 protected:
  Node decode(std::vector<std::string_view> pieces) {
    std::vector<slc_str> chunks;
    for (auto p : pieces) chunks.push_back(str(p));
    slc_builder builder{document::Builder{arena_, nullptr}};
    slc_str why{};
    Node root;
    EXPECT_EQ(plugin_.decoder("string")->decode(nullptr, chunks.data(), static_cast<uint32_t>(chunks.size()), 0, &builder, &why), SLC_OK);
    EXPECT_TRUE(builder.build.finish(&root));
    return root;
  }
  std::string encode(Node& root) {
    slc_exchange x{&arena_, {}, {}};
    EXPECT_EQ(plugin_.encoder("string")->encode(nullptr, &x, handle(&root, &arena_)), SLC_OK);
    return x.body();
  }
  BlockPool pool_;
  Arena arena_{pool_};
  Plugin plugin_{SLC_ENTRY_SYMBOL};
};

TEST_F(StringTest, TheWholeBodyIsTheContent) {
  Node root = decode({"plain \"quoted\" <text>\n"});
  EXPECT_EQ(document::to_json(arena_, root), R"({"content":"plain \"quoted\" <text>\n"})");
}

TEST_F(StringTest, AnEmptyBodyIsEmptyContent) {
  for (auto pieces : {std::vector<std::string_view>{}, {""}, {"", ""}}) {
    Node root = decode(pieces);
    EXPECT_EQ(document::to_json(arena_, root), R"({"content":""})");
  }
}

TEST_F(StringTest, PiecesAreJoined) {
  Node root = decode({"a", "", "bc", "d"});
  EXPECT_EQ(encode(root), "abcd");
}

TEST_F(StringTest, BytesThatAreNoUtf8PassUnchanged) {
  Node root = decode({"a\xff\xfe\x00z"});
  EXPECT_EQ(encode(root), "a\xff\xfe");  // the literal ends at its NUL
}

TEST_F(StringTest, WithoutAStringUnderContentTheBodyIsEmpty) {
  Node empty = document::make_object(), null = document::make_null();
  EXPECT_EQ(encode(empty), "");
  EXPECT_EQ(encode(null), "");
  document::ObjectWriter w{arena_};
  w.set("content", document::make_number("1"));
  Node number = w.finish();
  EXPECT_EQ(encode(number), "");
}

TEST_F(StringTest, TheContentTypeIsPlainText) {
  EXPECT_EQ(view(plugin_.encoder("string")->content_type), "text/plain; charset=utf-8");
}

}  // namespace
