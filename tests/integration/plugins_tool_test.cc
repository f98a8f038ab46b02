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
  Ran plugins(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) const {
    arguments.insert(arguments.begin(), {gateway_binary(), "plugins"});
    return run_program(arguments, kLimit, environment, place_.path());
  }
  // A gateway that has this folder, and not the one that the tools would take.
  GatewayOptions gateway_here(const std::string& config) const {
    GatewayOptions o = options_of(config);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder()};
    return o;
  }
  Ran check(const std::string& root) const {
    const std::string config =
        R"({"version": 3, )" + root + R"("endpoints": [{"endpoint": "/x", "backend": [{"host": ["http://127.0.0.1:1"], "url_pattern": "/"}]}]})";
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

// The first line of the list of a gateway.
std::string title_of(const GatewayProcess& gateway) {
  return "Loaded by the gateway that runs (process " + std::to_string(gateway.pid()) + ", 127.0.0.1:" + std::to_string(gateway.port()) + ", " +
         gateway.config_file() + ", generation 1):\n";
}

TEST_F(PluginsToolTest, AloneItListsWhatTheGatewayThatRunsHasLoaded) {
  fs::copy_file(SLC_TEST_PLUGINS_FOLDER "/script.so", folder() + "/script.so");
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{gateway_here(config_of(endpoint_of("/x", backend_of(up.url(), "/d"))))};
  ASSERT_EQ(get_once(gateway.port(), "/x").status, 200);
  // What is in its folder by now, or in the one that stands for the default, is not what it has loaded.
  copy("string.so", "string.so");
  fs::remove(folder() + "/no-op.so");
  const std::map<std::string, std::string> elsewhere{{"SLUICE_PLUGINS", plugins_folder()}};
  Ran ran = plugins({"--admin", gateway.admin()}, elsewhere);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(ran.output.starts_with(title_of(gateway) + "\n")) << title_of(gateway) << ran.output;
  for (const char* file : {"json.so", "static.so", "no-op.so", "script.so"}) expect_in(ran, "  " + folder() + "/" + file + "\n");
  EXPECT_EQ(ran.output.find("string.so"), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find(plugins_folder()), std::string::npos) << ran.output;
  expect_in(ran, "sluice.json 0.1.0  " + folder() + "/json.so\n  ABI 1.");
  expect_in(ran, "  decoder  safejson\n");
  expect_in(ran, "  middleware  test/service-outer ");
  expect_in(ran, "  used 2 times: [BACKEND: /d] json, [ENDPOINT: /x] json\n  cost: ");
  expect_in(ran, " calls, 0 errors; in hooks ");
  expect_in(ran, "  not used by this configuration\n  not called\n");
  // A folder that is named is listed as ever.
  ran = plugins({"--admin", gateway.admin(), "--plugins", folder()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(ran.output.find("Loaded by"), std::string::npos) << ran.output;
  expect_in(ran, "/string.so\n");
  EXPECT_EQ(ran.output.find("no-op.so"), std::string::npos) << ran.output;
}

TEST_F(PluginsToolTest, TheListOfTheGatewayIsThereForScriptsToo) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway{gateway_here(config_of(endpoint_of("/x", backend_of(up.url(), "/d"))))};
  ASSERT_EQ(get_once(gateway.port(), "/x").status, 200);
  const Ran loaded = plugins({"--json"}, {{"SLUICE_ADMIN", gateway.admin()}}),
            files = plugins({"--json", "--plugins", folder()}, {{"SLUICE_ADMIN", gateway.admin()}});
  EXPECT_EQ(loaded.code, 0) << loaded.output;
  const Json list = Json::parse_or_throw(loaded.output, "the list"), of_files = Json::parse_or_throw(files.output, "the list of files");
  EXPECT_EQ(list.at("source").str(), "gateway");
  EXPECT_EQ(of_files.at("source").str(), "folders");
  const Json& running = list.at("running");
  EXPECT_EQ(running.at("pid").whole(), gateway.pid());
  EXPECT_EQ(running.at("admin").str(), gateway.admin());
  EXPECT_EQ(running.at("config").str(), gateway.config_file());
  EXPECT_EQ(running.at("listen").at("port").whole(), gateway.port());
  EXPECT_EQ(running.at("generation").whole(), 1);
  EXPECT_EQ(list.at("problems").size(), 0u);
  // Both lists say the same of a file, one by its note, the other by what is loaded.
  ASSERT_EQ(list.at("plugins").size(), 3u) << loaded.output;
  for (size_t i = 0; i < 3; ++i) {
    const Json &one = list.at("plugins").items()[i], &file = of_files.at("plugins").items()[i];
    for (const char* key : {"file", "id", "version", "abi", "built_with", "sanitizer", "bindings", "note", "sha256"})
      EXPECT_EQ(one.at(key).dump(), file.at(key).dump()) << key;
    EXPECT_EQ(one.at("state").str(), "loaded");
    EXPECT_EQ(one.at("role").str(), "current");
    EXPECT_EQ(one.at("generation").whole(), 1);
    const std::string id = one.at("id").str();  // the decoder and encoder, the list of hosts, and nothing of no-op
    EXPECT_EQ(one.at("used").whole(), id == "sluice.json" ? 2 : id == "sluice.static" ? 1 : 0) << id;
    EXPECT_EQ(one.at("places").size(), id == "sluice.json" ? 2u : id == "sluice.static" ? 1u : 0u) << id;
    EXPECT_EQ(one.at("cost").size(), id == "sluice.json" ? 1u : 0u) << id;
  }
}

TEST_F(PluginsToolTest, APluginOfTheGatewayThatHasAProcessOfItsOwnIsListedAsSuch) {
  fs::copy_file(SLC_TEST_PLUGINS_FOLDER "/script.so", folder() + "/script.so");
  GatewayProcess gateway{gateway_here(config_of("", R"("plugin": {"isolate": {"script": {}}}, )"))};
  const Ran ran = plugins({"--admin", gateway.admin()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  const size_t at = ran.output.find("/script.so\n");
  ASSERT_NE(at, std::string::npos) << ran.output;
  const std::string entry = ran.output.substr(at, ran.output.find("\n\n", at) - at);
  EXPECT_NE(entry.find("\n  in a process of its own\n"), std::string::npos) << entry;
  EXPECT_NE(entry.find("\n  middleware  test/service-outer "), std::string::npos) << entry;
}

TEST_F(PluginsToolTest, OfThousandsOfPlacesTheGatewayTellsSomeAndCountsAll) {
  std::string endpoints;
  for (int i = 0; i < 1001; ++i) endpoints += (i ? "," : "") + endpoint_of("/" + std::to_string(i), backend_of("http://127.0.0.1:1", "/d"));
  GatewayProcess gateway{gateway_here(config_of(endpoints))};
  const Ran as_json = plugins({"--admin", gateway.admin(), "--json"});
  const Json list = Json::parse_or_throw(as_json.output, "the list"), &json = list.at("plugins").items()[0];
  EXPECT_EQ(json.at("id").str(), "sluice.json");
  EXPECT_EQ(json.at("used").whole(), 2002);
  EXPECT_EQ(json.at("places").size(), 1000u);
  EXPECT_EQ(json.at("more_places").whole(), 2) << "1001 endpoints, and the backend that all have";
  expect_in(plugins({"--admin", gateway.admin()}), ", and 998 more places (--json lists the first 1000)\n");
}

TEST_F(PluginsToolTest, FilesThatTheGatewayRefusedAreToldBesideItsList) {
  place_.write("plugins/torn.so", "not an object");
  ::chmod((folder() + "/torn.so").c_str(), 0755);
  GatewayProcess gateway{gateway_here(config_of(""))};
  const Ran ran = plugins({"--admin", gateway.admin()});
  EXPECT_EQ(ran.code, 1) << ran.output;
  expect_in(ran, title_of(gateway));
  expect_in(ran, "/torn.so: not a shared object");
  EXPECT_EQ(ran.output.find("(no note)"), std::string::npos) << ran.output;
}

TEST_F(PluginsToolTest, OfSeveralGatewaysOneHasToBeNamed) {
  TempFolder session;
  fs::permissions(session.path(), fs::perms::owner_all);
  auto options = [&] {
    GatewayOptions o = gateway_here(config_of(""));
    o.environment["XDG_RUNTIME_DIR"] = session.path();
    o.arguments.insert(o.arguments.end(), {"--admin", ""});
    return o;
  };
  GatewayProcess one{options()}, other{options()};
  const std::map<std::string, std::string> here{{"XDG_RUNTIME_DIR", session.path()}, {"SLUICE_PLUGINS", folder()}};
  Ran ran = plugins({}, here);
  EXPECT_EQ(ran.code, 0) << ran.output;
  expect_in(ran, "sluice.json 0.1.0  " + folder() + "/json.so");
  EXPECT_EQ(ran.output.find("Loaded by"), std::string::npos) << ran.output;
  expect_in(ran, "This is what is in the folders, and not what a gateway has loaded: several gateways run; say which one:\n");
  expect_in(ran, "\n  --pid " + std::to_string(one.pid()) + "\n");
  ran = plugins({"--pid", std::to_string(other.pid())}, here);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(ran.output.starts_with(title_of(other))) << ran.output;
}

TEST_F(PluginsToolTest, WhenTheGatewayThatIsNamedDoesNotAnswerTheListIsOfTheFolder) {
  const Ran ran = plugins({"--admin", place_.path() + "/nobody.sock"}, {{"SLUICE_PLUGINS", folder()}});
  EXPECT_EQ(ran.code, 1);
  expect_in(ran, "sluice.json 0.1.0  " + folder() + "/json.so");
  expect_in(ran, "What the gateway has loaded is not known, and this is what is in the folders: cannot reach the gateway at " + place_.path() + "/nobody.sock");
  EXPECT_EQ(ran.output.find("What they cost"), std::string::npos) << "once is enough: " << ran.output;
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
  ran = run_program(
      {"openssl", "pkeyutl", "-sign", "-rawin", "-inkey", other + ".pem", "-in", folder() + "/plugins.lock", "-out", folder() + "/plugins.lock.sig"});
  ASSERT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(plugins({"verify", "--public-key", other + ".pub", folder()}).code, 0);
  EXPECT_EQ(check(root).code, 1);
  // A new list without a key does not keep the signature of the old one.
  const std::string before = read_file(folder() + "/plugins.lock");
  ran = plugins({"lock", folder()});
  EXPECT_EQ(ran.code, 1) << "gateways that want a signature would refuse the folder";
  expect_in(ran, "plugins.lock.sig is the signature of the list before");
  EXPECT_EQ(read_file(folder() + "/plugins.lock"), before);
  fs::remove(folder() + "/plugins.lock.sig");
  EXPECT_EQ(plugins({"lock", folder()}).code, 0);
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
    return run_program(
        {SLC_CMAKE, "-DREADELF=" SLC_READELF, "-DFILE=" SLC_MISBEHAVING_FOLDER "/" + file, "-P", SLC_SOURCE_FOLDER "/sdk/cmake/check-note.cmake"});
  };
  EXPECT_EQ(built("never_resumes.so").code, 0);
  Ran ran = built("no_note.so");
  EXPECT_NE(ran.code, 0);
  expect_in(ran, "no_note.so has no note");
}

// Compilers and linkers that drop what nobody refers to must keep the note.
TEST_F(PluginsToolTest, TheNoteSurvivesSectionsCollectedAndSymbolsStripped) {
  const std::string file = folder() + "/small.so";
  ASSERT_EQ(
      run_program({SLC_C_COMPILER, "-std=c11", "-O2", "-ffunction-sections", "-fdata-sections", "-fvisibility=hidden", "-I", SLC_SOURCE_FOLDER "/sdk/include",
                   "-shared", "-fPIC", "-Wl,--gc-sections", "-Wl,--version-script," SLC_SOURCE_FOLDER "/sdk/cmake/plugin.version", "-s",
                   SLC_SOURCE_FOLDER "/tests/integration/plugins/plain.c", "-o", file, "-pthread"})
          .code,
      0);
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
