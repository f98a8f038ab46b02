// What the fuzzers of authors run, on a few inputs: nothing happens to what is right, and what is wrong aborts with the reason.
#include <gtest/gtest.h>

#define SLC_ENTRY_SYMBOL slc_fuzzed_entry
#define SLUICE_PLUGIN_NAMESPACE fuzzed_sdk
#include <sluice/plugin.hpp>
#include <sluice/testing.hpp>

namespace {

using sluice::testing::FuzzDocument;

std::string joined(std::span<const slc_str> chunks) {
  std::string all;
  for (const slc_str& c : chunks) all += sluice::view(c);
  return all;
}

// A text as an object with one member; refuses '!'.
class Good {
 public:
  static constexpr auto name = "good";
  static constexpr auto content_type = "text/plain";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t, sluice::Builder b, std::string_view& why) const {
    const std::string all = joined(chunks);
    if (all.find('!') != all.npos) return why = "no exclamations", sluice::Status{SLC_EDECODE};
    return b.begin_object().key("text").string(all).end().status();
  }
  sluice::Status encode(sluice::Exchange x, sluice::Value data) const {
    std::string out;
    sluice::append_json(out, data);
    return x.append_body(out);
  }
};

// Counts pieces: the network decides what it says.
class Cut {
 public:
  static constexpr auto name = "cut";
  sluice::Status decode(std::span<const slc_str> chunks, uint32_t, sluice::Builder b, std::string_view&) const {
    return b.begin_object().key("pieces").integer(static_cast<int64_t>(chunks.size())).end().status();
  }
};

// Says that all is well, and leaves the object open.
class Half {
 public:
  static constexpr auto name = "half";
  sluice::Status decode(std::span<const slc_str>, uint32_t, sluice::Builder b, std::string_view&) const { return b.begin_object().status(); }
};

}  // namespace

SLC_PLUGIN("t.fuzzed", "1", sluice::Decoder<Good>, sluice::Encoder<Good>, sluice::Decoder<Cut>, sluice::Decoder<Half>)

SLUICE_FUZZ_DECODER("good")  // LLVMFuzzerTestOneInput of this binary

namespace {

const uint8_t* bytes(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

TEST(FuzzTest, ADecoderThatIsRightSurvivesEverything) {
  for (const std::string_view input : {"", "a", "one two", "no!", "\xff\0\x80", "a longer body, longer than any piece"})
    EXPECT_EQ(LLVMFuzzerTestOneInput(bytes(input), input.size()), 0);
}

TEST(FuzzTest, ADecoderThatSeesWhereABodyIsCutIsFound) {
  EXPECT_DEATH(sluice::testing::fuzz_decoder(SLC_ENTRY_SYMBOL, "cut", bytes("abc"), 3), "depends on where the body was cut");
  EXPECT_EQ(sluice::testing::fuzz_decoder(SLC_ENTRY_SYMBOL, "cut", bytes("a"), 1), 0);
}

TEST(FuzzTest, ADecoderThatDoesNotFinishItsDocumentIsFound) {
  EXPECT_DEATH(sluice::testing::fuzz_decoder(SLC_ENTRY_SYMBOL, "half", bytes("abc"), 3), "SLC_OK without one whole document");
}

TEST(FuzzTest, ANameThatThePluginHasNotIsFound) {
  EXPECT_DEATH(sluice::testing::fuzz_decoder(SLC_ENTRY_SYMBOL, "bad", bytes("abc"), 3), "the decoder cannot be made: .*no binding \"bad\"");
  EXPECT_DEATH(sluice::testing::fuzz_encoder(SLC_ENTRY_SYMBOL, "cut", bytes("abc"), 3), "the encoder cannot be made");
}

TEST(FuzzTest, AnEncoderGetsADocumentForEveryInput) {
  for (const std::string_view input : {"", "{\"a\": [1, null]}", "\x06\x01" "a\x05\x0c", "\xff\xfe\x06\x05\x04"})
    EXPECT_EQ(sluice::testing::fuzz_encoder(SLC_ENTRY_SYMBOL, "good", bytes(input), input.size()), 0);
}

std::string without(std::string text, char c) { return std::erase(text, c), text; }

TEST(FuzzTest, BytesAreDocumentsOfEveryKind) {
  auto text = [](std::string_view input) { return FuzzDocument{bytes(input), input.size()}.root.write(); };
  EXPECT_EQ(text(R"([1.50, "x"])"), R"([1.50,"x"])") << "JSON is taken as it is";
  EXPECT_EQ(text(""), "null");
  EXPECT_EQ(text("\x09"), "true");
  EXPECT_EQ(text("\x12"), "1.50");
  EXPECT_EQ(text("\x03\x2a"), "42");
  EXPECT_EQ(text("\x04\x02ok"), R"("ok")");
  EXPECT_EQ(text("\x05\x09\x01\x07"), "[true,false]");
  EXPECT_EQ(text("\x06\x01" "a\x05\x09"), R"({"a":[true]})") << "what is open at the end is closed";
  const std::string deep = without(text(std::string(200, '\x05')), ',');
  int depth = 0, deepest = 0;
  for (const char c : deep) deepest = std::max(deepest, c == '[' ? ++depth : --depth);
  EXPECT_EQ(deepest, 65);
  std::string error;
  for (int seed = 1; seed < 300; ++seed) {
    std::string input;
    for (int i = 0, n = seed; i < 64; ++i, n = n * 75 % 65537) input += static_cast<char>(n);
    sluice::testing::Json::parse(text(input), error);
    EXPECT_EQ(error, "") << text(input);
  }
}

}  // namespace
