#include "core/plugin/admission.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/base/digest.h"
#include "core/plugin/file_rules.h"
#include "core/plugin/registry.h"
#include "core/plugin/signature.h"

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;
using Mode = LockPolicy::Mode;

std::string fixture(const std::string& name) { return SLC_MISBEHAVING_DIR "/" + name + ".so"; }
std::string read(const std::string& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    char name[] = "/tmp/slc-admission-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~AdmissionTest() override {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
  std::string put(const std::string& name, const std::string& bytes, mode_t mode = 0644) const {
    std::string file = path + "/" + name;
    fs::create_directories(fs::path{file}.parent_path());
    fs::remove(file);
    std::ofstream{file, std::ios::binary} << bytes;
    chmod(file.c_str(), mode);
    return file;
  }
  void lock(const std::map<std::string, std::string>& files) const {
    LockFile l;
    for (const auto& [name, bytes] : files) l.files[name] = {sha256_hex(bytes), "acme." + name, "1.0.0"};
    put(kLockName, format_lock(l));
  }
  // Private and public key files.
  std::pair<std::string, std::string> keys(const std::string& name) const {
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    std::pair files{path + "/" + name + ".pem", path + "/" + name + ".pub"};
    FILE* f = fopen(files.first.c_str(), "w");
    PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
    fclose(f);
    f = fopen(files.second.c_str(), "w");
    PEM_write_PUBKEY(f, key);
    fclose(f);
    EVP_PKEY_free(key);
    return files;
  }
  std::string entering(LockPolicy policy) const {
    Admission a{std::move(policy)};
    auto ok = a.enter(path);
    return ok ? "" : ok.error().message;
  }
  std::string path;
};

TEST_F(AdmissionTest, WithoutALockEverythingMayBeLoaded) {
  Admission a;
  ASSERT_TRUE(a.enter(path));
  auto state = a.admit(path + "/x.so", "anything");
  ASSERT_TRUE(state);
  EXPECT_EQ(*state, Admission::State::unlocked);
}

TEST_F(AdmissionTest, OnlyListedBytesAreAdmitted) {
  lock({{"a.so", "bytes of a"}});
  Admission a;
  ASSERT_TRUE(a.enter(path + "/"));
  auto state = a.admit(path + "/a.so", "bytes of a");
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(*state, Admission::State::allowed);

  auto altered = a.admit(path + "/a.so", "bytes of b");
  ASSERT_FALSE(altered);
  EXPECT_EQ(altered.error().message, path + "/a.so: not the file that " + path + "/plugins.lock allows; found sha256 " + sha256_hex("bytes of b") +
                                         ", wanted sha256 " + sha256_hex("bytes of a") +
                                         " (acme.a.so 1.0.0). Put the allowed file back, or, if the change is meant, allow it: sluice plugins lock " + path);
  auto unlisted = a.admit(path + "/b.so", "bytes of a");
  ASSERT_FALSE(unlisted);
  EXPECT_TRUE(unlisted.error().message.starts_with(path + "/b.so: not listed in " + path + "/plugins.lock, so nobody has allowed it; found sha256 "))
      << unlisted.error().message;
}

TEST_F(AdmissionTest, OffDoesNotLookAtTheLock) {
  put(kLockName, "{ broken");
  EXPECT_EQ(entering({Mode::off, ""}), "");
  EXPECT_NE(entering({Mode::if_present, ""}), "");
}

TEST_F(AdmissionTest, ARequiredLockMustBeThere) {
  EXPECT_EQ(entering({Mode::if_present, ""}), "");
  EXPECT_NE(entering({Mode::required, ""}).find("has no plugins.lock, and the configuration requires one"), std::string::npos);
  Admission never_entered{{Mode::required, ""}};
  EXPECT_FALSE(never_entered.admit(path + "/x.so", "x"));
}

TEST_F(AdmissionTest, WhatIsListedAndNotThereIsNamed) {
  lock({{"gone.so", "x"}, {"here.so", "y"}});
  put("here.so", "y");
  Admission a;
  ASSERT_TRUE(a.enter(path));
  auto gone = a.missing(path);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_TRUE(gone[0].starts_with(path + "/gone.so: listed in ")) << gone[0];
}

TEST_F(AdmissionTest, ASignedLockIsTakenAndEveryChangeOfItRefused) {
  auto [secret, open] = keys("good");
  auto [other_secret, other_open] = keys("other");
  lock({{"a.so", "bytes"}});
  const std::string text = read(path + "/plugins.lock");
  EXPECT_NE(entering({Mode::required, open}).find("has no signature"), std::string::npos);
  auto signature = sign(secret, text);
  ASSERT_TRUE(signature) << signature.error().message;
  ASSERT_EQ(signature->size(), kSignatureSize);
  put(kLockSignature, *signature);
  EXPECT_EQ(entering({Mode::required, open}), "");
  EXPECT_NE(entering({Mode::required, other_open}).find("not signed by the key of " + other_open), std::string::npos);
  for (size_t i = 0; i < text.size(); i += 7) {
    std::string changed = text;
    changed[i] ^= 1;
    put(kLockName, changed);
    EXPECT_NE(entering({Mode::required, open}), "") << i;
  }
  put(kLockName, text);
  for (size_t n : {size_t{0}, size_t{1}, kSignatureSize - 1}) {
    put(kLockSignature, signature->substr(0, n));
    EXPECT_NE(entering({Mode::required, open}), "") << n;
  }
  put(kLockSignature, *signature + "x");
  EXPECT_NE(entering({Mode::required, open}), "");
}

TEST_F(AdmissionTest, KeysThatAreNoneSayHowToMakeOne) {
  lock({});
  put(kLockSignature, std::string(64, 'x'));
  EXPECT_NE(entering({Mode::required, path + "/nowhere"}).find("the key file cannot be opened. Make one: openssl pkey"), std::string::npos);
  std::string garbage = put("garbage.pub", "no key");
  EXPECT_NE(entering({Mode::required, garbage}).find("no public key in PEM form"), std::string::npos);
  EXPECT_NE(sign(garbage, "x").error().message.find("openssl genpkey -algorithm ed25519"), std::string::npos);
  EVP_PKEY* rsa = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  std::string file = path + "/ec.pem";
  FILE* f = fopen(file.c_str(), "w");
  PEM_write_PrivateKey(f, rsa, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(f);
  EVP_PKEY_free(rsa);
  EXPECT_NE(sign(file, "x").error().message.find("not an ed25519 one"), std::string::npos);
}

TEST_F(AdmissionTest, FilesThatOthersCouldHaveWrittenAreRefused) {
  for (auto [mode, words] : {std::pair{0664, "its group may write to it"}, {0646, "everybody may write to it"}, {0666, "everybody may write to it"}}) {
    std::string file = put("a.so", "x", static_cast<mode_t>(mode));
    auto bytes = read_trusted(file, 100);
    ASSERT_FALSE(bytes) << mode;
    EXPECT_NE(bytes.error().message.find(words), std::string::npos) << bytes.error().message;
    EXPECT_NE(bytes.error().message.find(mode == 0664   ? "chmod g-w "
                                         : mode == 0646 ? "chmod o-w "
                                                        : "chmod go-w "),
              std::string::npos)
        << bytes.error().message;
  }
  EXPECT_TRUE(read_trusted(put("a.so", "x"), 100));
}

TEST_F(AdmissionTest, OfALinkTheRulesHoldForWhereItLeads) {
  std::string file = put("deep/a.so", "content");
  fs::create_symlink(file, path + "/link.so");
  auto bytes = read_trusted(path + "/link.so", 100);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, "content");
  chmod((path + "/deep").c_str(), 0775);
  bytes = read_trusted(path + "/link.so", 100);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message.find("/deep: its group may write to it"), std::string::npos) << bytes.error().message;
  chmod((path + "/deep").c_str(), 0755);
  chmod(file.c_str(), 0666);
  EXPECT_FALSE(read_trusted(path + "/link.so", 100));
  fs::create_symlink(path + "/nowhere", path + "/broken.so");
  EXPECT_FALSE(read_trusted(path + "/broken.so", 100));
}

TEST_F(AdmissionTest, FoldersThatOthersCouldWriteToAreRefused) {
  chmod(path.c_str(), 0777);
  EXPECT_NE(entering({}).find("everybody may write to it"), std::string::npos);
  chmod(path.c_str(), 01777);
  EXPECT_NE(entering({}), "") << "the sticky bit keeps nobody from adding files";
  chmod(path.c_str(), 0755);
  EXPECT_EQ(entering({}), "");
  put("above/plugins/x", "");
  chmod((path + "/above").c_str(), 0777);
  Admission a;
  auto ok = a.enter(path + "/above/plugins");
  ASSERT_FALSE(ok);
  EXPECT_NE(ok.error().message.find("/above above it"), std::string::npos) << ok.error().message;
  chmod((path + "/above").c_str(), 01777);
  EXPECT_TRUE(a.enter(path + "/above/plugins")) << "as in /tmp";
}

TEST_F(AdmissionTest, FilesOfOtherUsersAreRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  std::string file = put("a.so", "x");
  ASSERT_EQ(chown(file.c_str(), 12345, 0), 0);
  auto bytes = read_trusted(file, 100);
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().message.find("belongs to the user number 12345"), std::string::npos) << bytes.error().message;
  ASSERT_EQ(chown(path.c_str(), 12345, 0), 0);
  EXPECT_NE(entering({}).find("belongs to the user number 12345"), std::string::npos);
}

TEST_F(AdmissionTest, PipesAndFoldersAreNotReadAndSizesAreBounded) {
  ASSERT_EQ(mkfifo((path + "/pipe.so").c_str(), 0644), 0);
  EXPECT_NE(read_trusted(path + "/pipe.so", 100).error().message.find("not a regular file"), std::string::npos);
  EXPECT_NE(read_trusted(path, 100).error().message.find("not a regular file"), std::string::npos);
  EXPECT_NE(read_trusted(put("big", std::string(3 << 20, 'x')), 2 << 20).error().message.find("larger than 2 MiB"), std::string::npos);
}

TEST_F(AdmissionTest, TheRegistryLoadsOnlyWhatTheLockLists) {
  put("a.so", read(fixture("never_resumes")));
  put("b.so", read(fixture("resumes_twice")));
  lock({{"a.so", read(fixture("never_resumes"))}, {"c.so", "x"}});
  Registry registry;
  ScanResult result;
  registry.scan(path, ".so", result);
  ASSERT_EQ(result.problems.size(), 2u);
  EXPECT_NE(result.problems[0].find("/b.so: not listed in"), std::string::npos);
  EXPECT_NE(result.problems[0].find("(misbehaving.resumes-twice 1.0.0)"), std::string::npos) << result.problems[0];
  EXPECT_NE(result.problems[1].find("/c.so: listed in"), std::string::npos);
  ASSERT_EQ(registry.bindings().size(), 1u);
  EXPECT_EQ(registry.bindings()[0]->plugin_id, "misbehaving.never-resumes");

  Registry off;
  ScanResult all;
  off.set_lock_policy({Mode::off, ""});
  off.scan(path, ".so", all);
  EXPECT_TRUE(all.problems.empty());
  EXPECT_EQ(off.bindings().size(), 2u);
}

// ---- the file ----

TEST(LockFileTest, WhatIsWrittenIsRead) {
  LockFile lock;
  lock.files["a \"b\".so"] = {std::string(64, 'a'), "acme.a", "1.0.0"};
  lock.files["c.so"] = {std::string(64, '0'), "", ""};
  auto again = parse_lock(format_lock(lock));
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_EQ(again->files.size(), 2u);
  EXPECT_EQ(again->files["a \"b\".so"].id, "acme.a");
  EXPECT_EQ(again->files["c.so"].sha256, std::string(64, '0'));
  auto none = parse_lock(format_lock({}));
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->files.empty());
}

TEST(LockFileTest, NoPrefixIsTakenForTheWhole) {
  LockFile lock;
  lock.files["a.so"] = {std::string(64, 'a'), "acme.a", "1.0.0"};
  std::string text = format_lock(lock);
  text.pop_back();  // the line feed at the end
  for (size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(parse_lock(std::string_view{text}.substr(0, n))) << n;
}

TEST(LockFileTest, WhatIsWrongIsNamedWithItsPlace) {
  const std::string digest(64, 'a');
  auto said = [](const std::string& text) {
    auto lock = parse_lock(text);
    return lock ? std::string{} : lock.error().message;
  };
  EXPECT_EQ(said("[]"), "expected an object at the top");
  EXPECT_TRUE(said(R"({"version": 2, "plugins": {}})").starts_with("/version: expected 1"));
  EXPECT_EQ(said(R"({"version": 1})"), "/plugins: expected an object of file names");
  EXPECT_EQ(said(R"({"version": 1, "plugins": {"../a.so": {"sha256": ")" + digest + "\"}}}"), "/plugins: expected names of files without a folder");
  EXPECT_EQ(said(R"({"version": 1, "plugins": {"a.so": {"sha256": "AB"}}})"), "/plugins/a.so/sha256: expected 64 lower-case hexadecimal digits");
  EXPECT_EQ(said(R"({"version": 1, "plugins": {"a.so": 1}})"), "/plugins/a.so: expected an object with sha256");
  EXPECT_EQ(said(R"({"version": 1, "plugins": {"a.so": {"sha256": ")" + digest + R"(", "id": "\u001b"}}})"),
            "/plugins/a.so: expected texts for id and version");
}

}  // namespace
}  // namespace sluice::plugin
