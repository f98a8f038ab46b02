#include "core/plugin/crash_report.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/plugin/crash_maps.h"
#include "core/plugin/crash_text.h"

namespace sluice::plugin::crash {
namespace {

TEST(CrashMapsTest, ALineOfMapsIsTakenApart) {
  Mapping m;
  ASSERT_TRUE(parse_mapping("7f0c1e000000-7f0c1e02b000 r-xp 00001000 08:01 1234 /tmp/with blank/x.so", &m));
  EXPECT_EQ(m.begin, 0x7f0c1e000000u);
  EXPECT_EQ(m.end, 0x7f0c1e02b000u);
  EXPECT_EQ(m.path, "/tmp/with blank/x.so");
  ASSERT_TRUE(parse_mapping("1000-2000 rw-p 00000000 00:00 0 ", &m));
  EXPECT_EQ(m.path, "");
  ASSERT_TRUE(parse_mapping("1000-2000 rw-p 00000000 00:00 0                          [heap]", &m));
  EXPECT_EQ(m.path, "[heap]");
  for (const char* bad : {"", "-", "xyz", "1000", "1000-", "1000 2000 rw-p", "1000-2000"}) EXPECT_FALSE(parse_mapping(bad, &m)) << bad;
}

TEST(CrashMapsTest, EveryBeginningOfALineIsReadWithoutHarm) {
  const std::string line = "7f0c1e000000-7f0c1e02b000 r-xp 00001000 08:01 1234 /tmp/x.so";
  Mapping m;
  std::string part;  // a piece of memory of its own: reading beyond it is seen
  for (size_t n = 0; n <= line.size(); ++n) {
    part = line.substr(0, n);
    part.shrink_to_fit();
    m = {};
    parse_mapping(part, &m);
  }
  EXPECT_EQ(m.path, "/tmp/x.so");
}

int somewhere() { return 1; }

TEST(CrashMapsTest, AnAddressOfTheProgramIsFound) {
  Frame frames[2];
  frames[0].address = reinterpret_cast<uint64_t>(&somewhere);
  frames[1].address = 1;
  locate(frames, 2);
  char path[4096];
  ssize_t n = readlink("/proc/self/exe", path, sizeof path);
  ASSERT_GT(n, 0);
  std::string self{path, static_cast<size_t>(n)};
  EXPECT_EQ(frames[0].file(), self.substr(self.rfind('/') + 1));
  EXPECT_LT(frames[0].base, frames[0].address);
  EXPECT_EQ(frames[1].file(), "");
}

TEST(CrashTextTest, NumbersTextAndWhatIsLongerThanItsRoom) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const std::string fill(3000, 'x');
  {
    Text out{ends[1], -1};
    (out << "a\tb\n").decimal(0).decimal(18446744073709551615u).hex(0).hex(0xdeadbeef);
    out << fill;
  }
  close(ends[1]);
  std::string all;
  char buffer[512];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  EXPECT_EQ(all, "a?b\n0" "18446744073709551615" "0x0" "0xdeadbeef" + fill);
}

}  // namespace
}  // namespace sluice::plugin::crash
