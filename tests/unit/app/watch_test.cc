#include "core/app/watch.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

namespace sluice::app {
namespace {

namespace fs = std::filesystem;

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() {
    char name[] = "/tmp/slc-watch-test-XXXXXX";
    folder = mkdtemp(name);
  }
  ~WatchTest() override {
    watch.end();
    std::error_code ec;
    fs::remove_all(folder, ec);
  }
  void begin(std::vector<std::string> files) {
    ASSERT_TRUE(watch.begin([files] { return files; },
                            [this] {
                              std::lock_guard lock{mutex};
                              ++changes;
                              changed.notify_all();
                            }));
  }
  void write(const std::string& name) { std::ofstream{folder + "/" + name} << "text"; }
  bool wait_for(int n) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, std::chrono::seconds{20}, [&] { return changes >= n; });
  }
  std::string folder;
  std::mutex mutex;
  std::condition_variable changed;
  int changes = 0;
  Watch watch;
};

TEST_F(WatchTest, AFileThatIsWrittenOrReplacedIsToldAndAnotherIsNot) {
  write("a.json");
  begin({folder + "/a.json"});
  write("other.json");
  write("a.json");
  EXPECT_TRUE(wait_for(1));
  write("new");
  fs::rename(folder + "/new", folder + "/a.json");
  EXPECT_TRUE(wait_for(2));
  fs::remove(folder + "/a.json");
  EXPECT_TRUE(wait_for(3));
  std::lock_guard lock{mutex};
  EXPECT_EQ(changes, 3) << "the other file is nobody's concern";
}

TEST_F(WatchTest, InAFolderEveryFileCounts) {
  fs::create_directory(folder + "/plugins");
  begin({folder + "/plugins"});
  write("plugins/any.so");
  EXPECT_TRUE(wait_for(1));
}

TEST_F(WatchTest, ALinkThatIsTurnedIsTold) {  // as a mounted ConfigMap is updated
  fs::create_directories(folder + "/one");
  fs::create_directories(folder + "/two");
  write("one/a.json"), write("two/a.json");
  fs::create_directory_symlink("one", folder + "/data");
  fs::create_symlink("data/a.json", folder + "/a.json");
  begin({folder + "/a.json"});
  fs::create_directory_symlink("two", folder + "/data.new");
  fs::rename(folder + "/data.new", folder + "/data");
  EXPECT_TRUE(wait_for(1));
}

}  // namespace
}  // namespace sluice::app
