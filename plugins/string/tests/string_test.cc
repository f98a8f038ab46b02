#include "../../shared/tests/coding.h"

namespace {

using sluice::testing::Coding;
using sluice::testing::Configured;
using sluice::testing::FakeExchange;
using sluice::testing::FakeHost;
using sluice::testing::Json;

class StringTest : public ::testing::Test {
 protected:
  // Decoded from these pieces, then encoded again.
  std::string through(const std::vector<std::string_view>& pieces) {
    FakeHost& host = string_.host;
    Configured decoder{host, SLC_ENTRY_SYMBOL, "string", {}, SLC_AT_BACKEND, SLC_IFACE_DECODER};
    Configured encoder{host, SLC_ENTRY_SYMBOL, "string", {}, SLC_AT_ENDPOINT, SLC_IFACE_ENCODER};
    std::vector<slc_str> chunks;
    for (const std::string_view p : pieces) chunks.push_back({p.data(), p.size()});
    sluice::testing::JsonBuilder builder;
    slc_str why{};
    EXPECT_EQ(decoder.table<slc_decoder>().decode(decoder.state(), chunks.data(), static_cast<uint32_t>(chunks.size()), 0,
                                                  builder.handle(), &why), SLC_OK);
    FakeExchange x{host};
    x.has_data = true;
    x.data = builder.root();
    EXPECT_EQ(encoder.encode(x), SLC_OK);
    return x.response_body;
  }
  Coding string_{"string"};
};

TEST_F(StringTest, TheWholeBodyIsTheContent) {
  EXPECT_EQ(string_.decode("plain \"quoted\" <text>"), R"({"content":"plain \"quoted\" <text>"})");
}

TEST_F(StringTest, AnEmptyBodyIsEmptyContent) {
  EXPECT_EQ(string_.decode(""), R"({"content":""})");
  for (const auto& pieces : {std::vector<std::string_view>{}, {""}, {"", ""}, {std::string_view{}}}) EXPECT_EQ(through(pieces), "");
}

TEST_F(StringTest, PiecesAreJoined) { EXPECT_EQ(through({"a", "", "bc", std::string_view{}, "d"}), "abcd"); }

TEST_F(StringTest, BytesThatAreNoUtf8PassUnchanged) {
  const std::string_view bytes{"a\xff\xfe\x00z", 5};
  EXPECT_EQ(through({bytes}), bytes);
  EXPECT_EQ(through({bytes.substr(0, 2), bytes.substr(2)}), bytes);
}

TEST_F(StringTest, WithoutAStringUnderContentTheBodyIsEmpty) {
  for (const char* data : {"{}", "null", R"("text")", R"(["content"])", R"({"content":1})", R"({"content":null})", R"({"Content":"x"})"})
    EXPECT_EQ(string_.encode(data), "") << data;
  EXPECT_EQ(string_.encode(R"({"a":1,"content":"x"})"), "x");
}

TEST_F(StringTest, TheContentTypeIsPlainText) {
  Configured encoder{string_.host, SLC_ENTRY_SYMBOL, "string", {}, SLC_AT_ENDPOINT, SLC_IFACE_ENCODER};
  const slc_str type = encoder.table<slc_encoder>().content_type;
  EXPECT_EQ((std::string_view{type.ptr, type.len}), "text/plain; charset=utf-8");
}

}  // namespace
