#include "../host_list.h"

#include <gtest/gtest.h>

using example::HostLine;
using example::parse_host_list;

namespace {

std::vector<HostLine> good(std::string_view text) {
  std::vector<HostLine> out;
  std::string why;
  EXPECT_TRUE(parse_host_list(text, out, why)) << why;
  return out;
}

std::string refusal(std::string_view text) {
  std::vector<HostLine> out;
  std::string why;
  EXPECT_FALSE(parse_host_list(text, out, why)) << text;
  return why;
}

TEST(HostListTest, ReadsHostsWeightsAndComments) {
  EXPECT_EQ(good("# orders\nhttp://a:80\t 3 # big\n\n  https://b/base\r\nhttp://c"),
            (std::vector<HostLine>{{"http://a:80", 3}, {"https://b/base", 1}, {"http://c", 1}}));
}

TEST(HostListTest, NamesTheLineAndWhatIsWrong) {
  EXPECT_EQ(refusal("http://a\nftp://b\n"), "line 2: expected a host such as http://10.0.0.11:8080, found ftp://b");
  EXPECT_EQ(refusal("http://a\n\nhttp://b 0\n"), "line 3: expected a weight from 1 to 1000 after the host, found 0");
  for (const char* weight : {"x", "-1", "1001", "3x", "99999999999999999999"}) {
    EXPECT_NE(refusal("http://a " + std::string{weight}).find("expected a weight"), std::string::npos);
  }
  EXPECT_EQ(refusal("http://a 1 2"), "line 1: expected a host and perhaps a weight, found more");
  EXPECT_NE(refusal("http://").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("http:///path").find("line 1"), std::string::npos);
}

TEST(HostListTest, AnEmptyListIsAMistake) {
  for (const char* text : {"", "\n\n", "# nothing\n", " \t\r\n"}) EXPECT_EQ(refusal(text), "the file names no host");
}

TEST(HostListTest, IsBounded) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "http://h\n";
  EXPECT_EQ(good(text).size(), 10'000u);
  EXPECT_EQ(refusal(text + "http://h"), "line 10001: more than 10000 hosts");
}

TEST(HostListTest, EveryBeginningIsAListOrAMistakeWithALine) {
  const std::string whole = "http://a:80 3\n# c\nhttps://b\n";
  for (size_t n = 0; n <= whole.size(); ++n) {
    std::vector<HostLine> out;
    std::string why;
    const bool ok = parse_host_list(std::string_view{whole}.substr(0, n), out, why);
    EXPECT_EQ(ok, !out.empty() && why.empty()) << n;
    EXPECT_EQ(ok, why.empty()) << n;
  }
}

}  // namespace
