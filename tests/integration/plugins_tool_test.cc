// `sluice plugins`, its lock and verify, and what a running gateway makes of plugins.lock.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/integration/plugins/plugin_folder.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

// A folder with copies of some of the product's plugins, so that tests may change them.
class PluginsToolTest : public testing::Test {
 protected:
  PluginsToolTest() {
    fs::create_directory(folder());
    for (const char* name : {"json.so", "static.so", "no-op.so"}) copy(name, name);
  }
  std::string folder() const { return place_.path() + "/plugins"; }
  void copy(const std::string& from, const std::string& to) const {
    fs::copy_file(plugins_folder() + "/" + from, folder() + "/" + to, fs::copy_options::overwrite_existing);
    ::chmod((folder() + "/" + to).c_str(), 0755);
  }
  Ran plugins(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {gateway_binary(), "plugins"});
    return run_program(arguments, kLimit, {}, place_.path());
  }
  Ran check(const std::string& root) const {
    const std::string config = R"({"version": 3, )" + root + R"("endpoints": [{"endpoint": "/x", "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/"}]}]})";
    return run_program({gateway_binary(), "check", "-c", place_.write("gateway.json", config), "--plugins", folder()}, kLimit, {}, place_.path());
  }
  std::string make_key(const std::string& name) const {
    const std::string secret = place_.path() + "/" + name + ".pem", open = place_.path() + "/" + name + ".pub";
    EXPECT_EQ(run_program({"openssl", "genpkey", "-algorithm", "ed25519", "-out", secret}).code, 0);
    EXPECT_EQ(run_program({"openssl", "pkey", "-in", secret, "-pubout", "-out", open}).code, 0);
    return place_.path() + "/" + name;
  }
  TempFolder place_;
};

void expect_in(const Ran& ran, const std::string& text) { EXPECT_NE(ran.output.find(text), std::string::npos) << text << "\n" << ran.output; }

TEST_F(PluginsToolTest, ListsIdsVersionsKindsAndScopesFromTheNotes) {
  Ran ran = plugins({"--plugins", plugins_folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "sluice.json 0.1.0  " + plugins_folder() + "/json.so");
  expect_in(ran, "  decoder  safejson\n");
  expect_in(ran, "  middleware  qos/circuit-breaker  at backend  also github.com/devopsfaith/krakend-circuitbreaker/gobreaker\n");
  EXPECT_EQ(ran.output.find("REFUSED"), std::string::npos);
  EXPECT_EQ(ran.output.find("used "), std::string::npos);
}

TEST_F(PluginsToolTest, ListingRunsNothingOfThePlugins) {
  // Its load() and its constructors would speak up; the loader itself would refuse it.
  fs::copy_file(SLC_MISBEHAVING_FOLDER "/load_fails.so", folder() + "/load_fails.so");
  Ran ran = plugins({"--plugins", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "misbehaving.load-fails 1.0.0");
  Ran loading = plugins({"--plugins", folder(), "-c", place_.write("empty.json", R"({"version": 3, "endpoints": []})")});
  EXPECT_EQ(loading.code, 1);
  expect_in(loading, "REFUSED: " + folder() + "/load_fails.so (misbehaving.load-fails 1.0.0): load() failed: no licence for the flux capacitor");
}

TEST_F(PluginsToolTest, AFileWithoutANoteIsListedAsSuch) {
  fs::copy_file(SLC_MISBEHAVING_FOLDER "/no_note.so", folder() + "/no_note.so");
  Ran ran = plugins({"--plugins", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "(no note)  " + folder() + "/no_note.so\n  cannot be read without loading it");
}

TEST_F(PluginsToolTest, WithAConfigurationItSaysWhereEachIsUsed) {
  const std::string config = place_.write("used.json", R"({"version": 3, "endpoints": [
    {"endpoint": "/a", "output_encoding": "no-op", "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/1"}]},
    {"endpoint": "/b", "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/2"}, {"host": ["http://127.0.0.1:1"], "url_pattern": "/2"}]}]})");
  Ran ran = plugins({"--plugins", folder(), "-c", config});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "  used 3 times: [BACKEND: /2] json (2), [ENDPOINT: /b] json\n");
  expect_in(ran, "  used 2 times: [BACKEND: /1] no-op, [ENDPOINT: /a] no-op\n");
  Ran as_json = plugins({"--plugins", folder(), "-c", config, "--json"});
  const Json list = Json::parse_or_throw(as_json.output, "the list");
  ASSERT_EQ(list.at("plugins").size(), 3u);
  const Json& first = list.at("plugins").items()[0];
  EXPECT_EQ(first.at("id").str(), "sluice.json");
  EXPECT_EQ(first.at("state").str(), "loaded");
  EXPECT_EQ(first.at("lock").str(), "none");
  EXPECT_EQ(first.at("used").whole(), 3);
  EXPECT_EQ(first.at("sha256").str().size(), 64u);
}

TEST_F(PluginsToolTest, WhileAGatewayRunsItSaysWhatEachHasCostThere) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d"))))};
  for (int i = 0; i < 3; ++i) ASSERT_EQ(get_once(gateway.port(), "/x").status, 200);
  const std::string there = " in the gateway that runs (process " + std::to_string(gateway.pid()) + ")";
  Ran ran = plugins({"--plugins", folder(), "--admin", gateway.admin()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "  cost" + there + ": ");
  expect_in(ran, " calls, 0 errors; in hooks ");
  expect_in(ran, "  not called" + there + "\n");  // no-op, static
  Ran as_json = plugins({"--plugins", folder(), "--admin", gateway.admin(), "--json"});
  const Json list = Json::parse_or_throw(as_json.output, "the list");
  EXPECT_EQ(list.at("running").at("pid").whole(), gateway.pid());
  for (const Json& p : list.at("plugins").items()) {
    const auto& cost = p.at("cost");
    if (p.at("id").str() != "sluice.json") {
      EXPECT_EQ(cost.size(), 0u) << as_json.output;
      continue;
    }
    ASSERT_EQ(cost.size(), 1u) << as_json.output;
    EXPECT_EQ(cost.items()[0].at("version").str(), "0.1.0");
    EXPECT_GE(cost.items()[0].at("calls").whole(), 6);  // decoded and encoded, three times
    EXPECT_GT(cost.items()[0].at("busy_ns").whole(), 0);
    EXPECT_GT(cost.items()[0].at("arena_bytes").whole(), 0);
  }
}

TEST_F(PluginsToolTest, AGatewayThatIsNamedAndDoesNotAnswerIsTold) {
  Ran ran = plugins({"--plugins", folder(), "--admin", place_.path() + "/nobody.sock"});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "sluice.json 0.1.0");
  expect_in(ran, "What they cost is not known: ");
  EXPECT_EQ(ran.output.find("not called"), std::string::npos) << ran.output;
  EXPECT_EQ(plugins({"--pid", "me"}).code, 255);
}

TEST_F(PluginsToolTest, ARefusedConfigurationIsToldAndTheListStillPrinted) {
  Ran ran = plugins({"--plugins", folder(), "-c", place_.write("bad.json", R"({"version": 2})")});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "sluice.json 0.1.0");
  expect_in(ran, "bad.json:1:2: error: /version: unsupported version");
}

TEST_F(PluginsToolTest, WrongUsageIsSaidSo) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{"--jason"}, {"lock", "--pattern"}, {"verify", "a", "b"}}) {
    Ran ran = plugins(arguments);
    EXPECT_EQ(ran.code, 255) << ran.output;
    expect_in(ran, "Error: ");
    expect_in(ran, "Usage:\n  sluice plugins");
  }
  expect_in(plugins({"--help"}), "sluice plugins lock");
}

TEST_F(PluginsToolTest, LockThenVerifyThenEveryKindOfChange) {
  Ran ran = plugins({"verify", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "has no plugins.lock");
  ran = plugins({"lock", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, folder() + "/plugins.lock lists 3 files:\n");
  expect_in(ran, "json.so  (sluice.json 0.1.0)");
  EXPECT_EQ(Json::parse_or_throw(read_file(folder() + "/plugins.lock"), "the lock").at("plugins").at("json.so").at("id").str(), "sluice.json");
  ran = plugins({"verify", folder() + "/"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "All 3 files are what");
  EXPECT_EQ(check(R"("plugin": {"lock": "required"}, )").code, 0);
  Ran listed = plugins({"--plugins", folder()});
  expect_in(listed, ", listed in plugins.lock\n");

  copy("string.so", "string.so");  // unlisted
  ran = plugins({"verify", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "/string.so: not listed in");
  expect_in(ran, "1 file is not what");
  copy("string.so", "static.so");  // altered
  fs::remove(folder() + "/no-op.so");
  ran = plugins({"verify", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "/static.so: not the file that ");
  expect_in(ran, "(sluice.string 0.1.0), wanted sha256 ");
  expect_in(ran, "/no-op.so: listed in ");
  listed = plugins({"--plugins", folder()});
  EXPECT_EQ(listed.code, 1);
  expect_in(listed, "REFUSED: " + folder() + "/static.so: not the file that ");
  EXPECT_EQ(plugins({"lock", folder()}).code, 0);
  EXPECT_EQ(plugins({"verify", folder()}).code, 0);
}

TEST_F(PluginsToolTest, ALockThatIsThereIsKeptAndARequiredOneRefusesTheStart) {
  ASSERT_EQ(plugins({"lock", folder()}).code, 0);
  copy("string.so", "string.so");
  Ran ran = check("");
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "warning: /plugin: " + folder() + "/string.so: not listed in");
  ran = check(R"("plugin": {"lock": "required"}, )");
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "error: /plugin: " + folder() + "/string.so: not listed in");
  ran = check(R"("plugin": {"lock": "off"}, )");
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.output.find("not listed"), std::string::npos) << ran.output;
  ran = check(R"("plugin": {"lock": "requird"}, )");
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "/plugin/lock: expected \"required\", \"if_present\" or \"off\", found \"requird\" (did you mean \"required\"?)");
}

TEST_F(PluginsToolTest, SignedByTheKeyOfTheConfigurationAndByNoOther) {
  const std::string key = make_key("release"), other = make_key("other");
  const std::string root = R"("plugin": {"public_key": ")" + key + R"(.pub"}, )";
  ASSERT_EQ(plugins({"lock", folder()}).code, 0);
  Ran ran = check(root);
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "has no signature");
  ran = plugins({"lock", "--key", key + ".pem", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "lists 3 files, signed:");
  EXPECT_EQ(check(root).code, 0);
  EXPECT_EQ(plugins({"verify", "--public-key", key + ".pub", folder()}).code, 0);
  ran = plugins({"verify", "--public-key", other + ".pub", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "not signed by the key of " + other + ".pub");
  // What OpenSSL signs is as good.
  ran = run_program({"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", other + ".pem", "-in", folder() + "/plugins.lock", "-out", folder() + "/plugins.lock.sig"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(plugins({"verify", "--public-key", other + ".pub", folder()}).code, 0);
  EXPECT_EQ(check(root).code, 1);
  // A new list without a key does not keep the signature of the old one.
  EXPECT_EQ(plugins({"lock", folder()}).code, 0);
  EXPECT_FALSE(fs::exists(folder() + "/plugins.lock.sig"));
}

TEST_F(PluginsToolTest, LockWritesNothingAboutFilesThatTheGatewayWouldRefuse) {
  ::chmod((folder() + "/json.so").c_str(), 0777);
  Ran ran = plugins({"lock", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "everybody may write to it");
  EXPECT_FALSE(fs::exists(folder() + "/plugins.lock"));
  ::chmod((folder() + "/json.so").c_str(), 0755);
  place_.write("plugins/torn.so", "not an object");
  ran = plugins({"lock", folder()});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "/torn.so: not a shared object (no ELF file)");
  EXPECT_FALSE(fs::exists(folder() + "/plugins.lock"));
}

TEST_F(PluginsToolTest, TheBuildRefusesAPluginWithoutANote) {
  auto built = [](const std::string& file) {
    return run_program({SLC_CMAKE, "-DREADELF=" SLC_READELF, "-DFILE=" SLC_MISBEHAVING_FOLDER "/" + file, "-P", SLC_SOURCE_FOLDER "/sdk/cmake/check-note.cmake"});
  };
  EXPECT_EQ(built("never_resumes.so").code, 0);
  Ran ran = built("no_note.so");
  EXPECT_NE(ran.code, 0);
  expect_in(ran, "no_note.so has no note");
}

// Compilers and linkers that drop what nobody refers to must keep the note.
TEST_F(PluginsToolTest, TheNoteSurvivesSectionsCollectedAndSymbolsStripped) {
  const std::string file = folder() + "/small.so";
  ASSERT_EQ(run_program({SLC_C_COMPILER, "-std=c11", "-O2", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden", "-I", SLC_SOURCE_FOLDER "/sdk/include", "-shared",
                         "-fPIC", "-Wl,--gc-sections", "-Wl,--version-script," SLC_SOURCE_FOLDER "/sdk/cmake/plugin.version", "-s",
                         SLC_SOURCE_FOLDER "/tests/integration/plugins/plain.c", "-o", file, "-pthread"}).code, 0);
  ::chmod(file.c_str(), 0755);
  Ran ran = plugins({"--plugins", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "test.plain 1.0.0  " + file);
  expect_in(ran, "  middleware  test/plain-backend  at backend\n");
}

TEST_F(PluginsToolTest, AGatewayServesWithLockedPlugins) {
  ASSERT_EQ(plugins({"lock", folder()}).code, 0);
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions options = options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")), R"("plugin": {"lock": "required"}, )"));
  options.binary = gateway_binary();
  options.arguments = {"--plugins", folder()};
  GatewayProcess gateway(options);
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
}

}  // namespace
}  // namespace sluice::test
