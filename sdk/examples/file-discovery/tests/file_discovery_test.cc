// Changes while the gateway runs are tested with a gateway; here is what the first look at the file does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <sluice/testing.hpp>

using namespace sluice::testing;

namespace {

class FileDiscoveryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-hosts-XXXXXX";
    ::close(::mkstemp(name));
    path_ = name;
  }
  void TearDown() override { ::unlink(path_.c_str()); }
  void write(std::string_view text) { std::ofstream{path_} << text; }
  std::string path_;
  FakeHost host_;
  Configured sd_{host_, SLC_ENTRY_SYMBOL, "file"};
};

TEST_F(FileDiscoveryTest, PublishesTheFile) {
  write("http://a:80 3\nhttp://b:80\n");
  const auto list = sd_.watch({path_});
  ASSERT_EQ(sd_.watch_status, SLC_OK);
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].url, "http://a:80");
  EXPECT_EQ(list[0].weight, 3u);
  EXPECT_TRUE(host_.logged(": 2 hosts, list 1"));
}

TEST_F(FileDiscoveryTest, RefusesToStartWithoutAGoodList) {
  write("http://a:80\nnonsense\n");
  EXPECT_TRUE(sd_.watch({path_}).empty());
  EXPECT_NE(sd_.watch_status, SLC_OK);
  EXPECT_TRUE(host_.logged("line 2: expected a host")) << "the log says why";
  sd_.watch({path_ + ".missing"});
  EXPECT_NE(sd_.watch_status, SLC_OK);
  EXPECT_TRUE(host_.logged("cannot be opened"));
}

TEST_F(FileDiscoveryTest, WantsOneFile) {
  sd_.watch({path_, path_});
  EXPECT_NE(sd_.watch_status, SLC_OK);
  EXPECT_TRUE(host_.logged("found 2 entries"));
}

}  // namespace
