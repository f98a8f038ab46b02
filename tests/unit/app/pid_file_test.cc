#include "core/app/pid_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sluice::app {
namespace {

struct PidFileTest : ::testing::Test {
  PidFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-pid-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    path = folder + "/x.pid";
  }
  ~PidFileTest() override { std::filesystem::remove_all(folder); }
  std::string content() {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  std::string folder, path;
};

TEST_F(PidFileTest, HoldsTheProcessIdAndIsGoneAfterwards) {
  {
    auto file = PidFile::create(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(PidFileTest, ASecondHolderIsRefusedAndToldWhoRuns) {
  auto first = PidFile::create(path);
  ASSERT_TRUE(first);
  auto second = PidFile::create(path);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("process " + std::to_string(::getpid())), std::string::npos)
      << second.error().message;
  EXPECT_TRUE(std::filesystem::exists(path));  // the refused one removed nothing
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, AStaleFileIsTakenOverWhateverItSays) {
  std::ofstream{path} << "1\nand more text than a number has\n";
  auto file = PidFile::create(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(content(), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, AHolderThatDiedWithoutCleaningUpIsStale) {
  pid_t child = ::fork();
  if (child == 0) {
    auto file = PidFile::create(path);
    ::_exit(file ? 0 : 1);  // no destructor runs
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(content(), std::to_string(child) + "\n");
  EXPECT_TRUE(PidFile::create(path));
}

TEST_F(PidFileTest, MovingKeepsTheLock) {
  PidFile kept;
  {
    auto file = PidFile::create(path);
    ASSERT_TRUE(file);
    kept = std::move(*file);
    EXPECT_FALSE(file->held());
  }
  EXPECT_TRUE(kept.held());
  EXPECT_FALSE(PidFile::create(path));
  kept.remove();
  EXPECT_FALSE(kept.held());
  EXPECT_TRUE(PidFile::create(path));
}

TEST_F(PidFileTest, AFileThatReplacedOursIsNotRemoved) {
  auto file = PidFile::create(path);
  ASSERT_TRUE(file);
  std::filesystem::remove(path);
  std::ofstream{path} << "7\n";
  file->remove();
  EXPECT_EQ(content(), "7\n");
}

TEST_F(PidFileTest, LinksFoldersPipesAndMissingFoldersAreRefused) {
  std::filesystem::create_symlink("/etc/hostname", folder + "/link");
  ASSERT_EQ(::mkfifo((folder + "/fifo").c_str(), 0600), 0);
  for (const char* name : {"/link", "", "/fifo", "/none/x"}) {
    auto file = PidFile::create(folder + name);
    ASSERT_FALSE(file) << name;
    EXPECT_EQ(file.error().message.find("pid file " + folder + name + ": "), 0u) << file.error().message;
  }
}

}  // namespace
}  // namespace sluice::app
