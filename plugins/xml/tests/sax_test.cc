// The reader itself: its bounds and the prolog.
#include "../sax.h"

#include <gtest/gtest.h>

namespace sluice::xml {
namespace {

class Counter : public Handler {
 public:
  bool start(std::string_view, std::span<const Attribute>) override { return ++elements, true; }
  bool end() override { return true; }
  bool text(std::string_view s) override { return texts += s, true; }
  int elements = 0;
  std::string texts;
};

std::string nested(size_t depth) {
  std::string body;
  for (size_t i = 0; i < depth; ++i) body += "<a>";
  for (size_t i = 0; i < depth; ++i) body += "</a>";
  return body;
}

TEST(XmlSaxTest, TenThousandLevelsAreReadAndNoMore) {
  std::string why;
  Counter fits, deeper;
  EXPECT_TRUE(parse(nested(kMaxDepth), Entities::strict, fits, &why)) << why;
  EXPECT_EQ(fits.elements, 10'000);
  EXPECT_FALSE(parse(nested(kMaxDepth + 1), Entities::strict, deeper, &why));
  EXPECT_NE(why.find("nested too deep"), std::string::npos) << why;
}

TEST(XmlSaxTest, LenientReadersKeepUnknownEntitiesAndKnowHtmls) {
  std::string why;
  Counter c;
  EXPECT_TRUE(parse("<r>a&nbsp;b&nothing;c</r>", Entities::lenient, c, &why)) << why;
  EXPECT_EQ(c.texts, "a\u00a0b&nothing;c");
}

TEST(XmlSaxTest, ThePrologEndsAtTheFirstElement) {
  std::string_view label;
  EXPECT_EQ(skip_prolog("<?xml version='1.0' encoding='x'?><r>", &label), 34u);
  EXPECT_EQ(label, "x");
  EXPECT_EQ(skip_prolog("<!DOCTYPE r [ <!ENTITY a \">]>\"> ]><r>", &label), 34u);
  for (std::string_view open : {"<?xml ", "<!-- ", "<!DOCTYPE ", "<!DOCTYPE [<!-- ", "<!DOCTYPE '"}) EXPECT_EQ(skip_prolog(open, &label), open.size());
}

}  // namespace
}  // namespace sluice::xml
