#include "core/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/base/digest.h"

namespace sluice {
namespace {

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string pattern = testing::TempDir() + "sluice-file-XXXXXX";
    if (!::mkdtemp(pattern.data())) ADD_FAILURE() << "no temporary folder";
    folder = pattern;
  }
  ~FileTest() override { std::filesystem::remove_all(folder); }
  std::string write(const std::string& bytes) {
    const std::string path = folder + "/f";
    std::ofstream{path, std::ios::binary} << bytes;
    return path;
  }
  std::string folder;
};

TEST_F(FileTest, AllBytesAreRead) {
  for (const std::string& bytes :
       {std::string{}, std::string{"a"}, std::string("\0\xff\n\r", 4), std::string(65'535, 'x'), std::string(65'536, 'y'), std::string(200'001, 'z')}) {
    auto read = read_file(write(bytes));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, bytes);
  }
}

TEST_F(FileTest, FilesThatDoNotSayTheirSizeAreReadToTheEnd) {
  struct stat st {};
  ASSERT_EQ(::stat("/proc/self/status", &st), 0);
  ASSERT_EQ(st.st_size, 0);
  auto status = read_file("/proc/self/status");
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_NE(status->find("\nPid:"), std::string::npos);

  const std::string pipe = folder + "/pipe", sent(300'000, 'p');
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer{[&] { std::ofstream{pipe, std::ios::binary} << sent; }};
  auto got = read_file(pipe);
  writer.join();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(*got, sent);
}

TEST_F(FileTest, TheReasonIsSaidWithoutThePath) {
  EXPECT_EQ(read_file(folder + "/none").error().message, "cannot be opened: No such file or directory");
  EXPECT_EQ(read_file(folder).error().message, "cannot be read: Is a directory");
}

TEST_F(FileTest, WhatIsLargerThanWantedIsRefusedEvenWithoutAnEnd) {
  const std::string path = write(std::string(100, 'x'));
  EXPECT_TRUE(read_file(path, 100));
  EXPECT_EQ(read_file(path, 99).error().message, "larger than 99 bytes");
  EXPECT_EQ(read_file("/dev/zero", size_t{1} << 20).error().message, "larger than 1 MiB");
}

// FIPS 180-4's examples.
TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  const std::string octets = sha256("abc");
  ASSERT_EQ(octets.size(), 32u);
  EXPECT_EQ(octets[0], '\xba');
}

}  // namespace
}  // namespace sluice
