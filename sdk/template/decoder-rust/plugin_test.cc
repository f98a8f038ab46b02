#include <gtest/gtest.h>

#include <sluice/testing.hpp>

using namespace sluice::testing;

TEST(PluginTest, ReadsLinesWhereverThePiecesEnd) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_DECODER};
  ASSERT_TRUE(plugin.ok()) << host.problem_text();
  for (size_t piece : {0, 1, 2, 5}) {
    Json document;
    ASSERT_EQ(plugin.decode("name=Ada\r\nborn=1815\n", document, piece), SLC_OK) << piece;
    EXPECT_EQ(document.write(), R"({"name":"Ada","born":"1815"})") << piece;
  }
}

TEST(PluginTest, SaysWhatIsWrong) {
  FakeHost host;
  Configured plugin{host, SLC_ENTRY_SYMBOL, "@NAME@", {}, 0, SLC_IFACE_DECODER};
  Json document;
  EXPECT_EQ(plugin.decode("no pair here", document), SLC_EDECODE);
  EXPECT_EQ(plugin.decode_error, "a line without =");
}
