// Isolated plugins are not mapped in the gateway: another process opens the file and says what is in it. Whatever happens there, the
// gateway and its tools go on, and tell.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/plugin/isolate/describe.h"
#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string maps_of(pid_t pid) { return read_file("/proc/" + std::to_string(pid) + "/maps"); }
std::set<pid_t> children_of(pid_t parent) {
  std::set<pid_t> out;
  for (const auto& thread : fs::directory_iterator{"/proc/" + std::to_string(parent) + "/task"}) {
    std::ifstream in{thread.path() / "children"};
    for (pid_t pid; in >> pid;) out.insert(pid);
  }
  return out;
}

std::string isolating(const std::string& rules) { return R"("plugin": {"isolate": )" + rules + "}, "; }
std::string with(const FakeUpstream& up, const std::string& rules, const std::string& name) {
  return config_of(endpoint_of("/x", backend_of(up.url(), "/d"), name.empty() ? "" : extra({{name, ""}}) + ", "), rules.empty() ? "" : isolating(rules));
}

// A gateway whose folder the test may change.
class Describing {
 public:
  Describing(const std::vector<std::string>& plugins, std::string config) : folder_{plugins} {
    GatewayOptions o = options_of(std::move(config), 1);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder_.path()};
    gateway_ = std::make_unique<GatewayProcess>(std::move(o));
  }
  // Puts a file into the folder in the place of what is there.
  void put(const std::string& file, const std::string& as) {
    fs::copy_file(file, folder_.path() + "/new", fs::copy_options::overwrite_existing);
    fs::rename(folder_.path() + "/new", folder_.path() + "/" + as);
  }
  GatewayProcess* operator->() { return gateway_.get(); }
  GatewayProcess& operator*() { return *gateway_; }
  Response get() { return get_once(gateway_->port(), "/x"); }

 private:
  PluginFolder folder_;
  std::unique_ptr<GatewayProcess> gateway_;
};
std::string build(const std::string& name) { return std::string{SLC_TEST_PLUGINS_FOLDER} + "/build-" + name + "/stamp.so"; }
std::string fixture(const std::string& name) { return std::string{SLC_MISBEHAVING_FOLDER} + "/" + name + ".so"; }

class IsolateDescribeTest : public testing::Test {
 protected:
  IsolateDescribeTest() { up.on("/d", Reply::json(R"({"a":1})")); }
  FakeUpstream up;
};

TEST_F(IsolateDescribeTest, TheFileIsMappedInTheHelperAndNotInTheGatewayHoweverTheRuleNamesIt) {
  for (const char* rule : {R"(["test.poison"])", R"(["poison"])", R"({"poison.so": true})"}) {
    Describing gateway({"poison"}, with(up, rule, "test/poison"));
    EXPECT_EQ(gateway.get().header("X-Seen"), "yes") << rule;
    ASSERT_EQ(sluice_reload(*gateway).code, 0);
    EXPECT_EQ(gateway.get().header("X-Seen"), "yes") << rule;
    const std::string maps = maps_of(gateway->pid());
    EXPECT_FALSE(contains(maps, "poison.so")) << rule;
    EXPECT_TRUE(contains(maps, "-json.so")) << "where those that are not isolated stand:\n" << maps;
    const auto helpers = children_of(gateway->pid());
    ASSERT_EQ(helpers.size(), 1u) << "who described it is gone";
    EXPECT_TRUE(contains(maps_of(*helpers.begin()), "-poison.so"));
  }
}

TEST_F(IsolateDescribeTest, AFileWithTheSameContentIsNotMappedEither) {
  for (const char* name : {"a_copy.so", "z_copy.so"}) {
    TempFolder folder;
    fs::copy_file(SLC_TEST_PLUGINS_FOLDER "/poison.so", folder.path() + "/poison.so");
    fs::copy_file(folder.path() + "/poison.so", folder.path() + "/" + name);
    for (const char* needed : {"json.so", "no-op.so", "balancing.so", "static.so", "string.so"})
      if (fs::exists(plugins_folder() + "/" + needed)) fs::create_symlink(plugins_folder() + "/" + needed, folder.path() + "/" + needed);
    GatewayOptions o = options_of(with(up, R"(["poison"])", "test/poison"), 1);
    o.binary = gateway_binary();
    o.arguments = {"--plugins", folder.path()};
    GatewayProcess gateway(std::move(o));
    EXPECT_EQ(get_once(gateway.port(), "/x").header("X-Seen"), "yes") << name;
    EXPECT_FALSE(contains(maps_of(gateway.pid()), "poison.so") || contains(maps_of(gateway.pid()), "copy.so")) << name;
  }
}

TEST_F(IsolateDescribeTest, AFileWithoutANoteIsAskedForItsIdInAnotherProcess) {
  Describing isolated({"misbehaving/no_note"}, with(up, R"(["misbehaving.no-note"])", "misbehaving/no-note"));
  EXPECT_EQ(isolated.get().status, 200);
  EXPECT_FALSE(contains(maps_of(isolated->pid()), "no_note.so"));
  isolated->process().wait_for_output("has no note");
  // The list names another one.
  Describing inside({"misbehaving/no_note", "poison"}, with(up, R"(["test.poison"])", "misbehaving/no-note"));
  EXPECT_EQ(inside.get().status, 200);
  EXPECT_TRUE(contains(maps_of(inside->pid()), "no_note.so"));
}

TEST_F(IsolateDescribeTest, IntoIsolationAndOutOfItByReload) {
  Describing gateway({}, with(up, "", ""));
  gateway.put(build("a"), "stamp.so");
  gateway->configure(with(up, R"(["stamp"])", "test/stamp"));
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  EXPECT_FALSE(contains(maps_of(gateway->pid()), "stamp.so"));
  // Another build: still elsewhere.
  gateway.put(build("b"), "stamp.so");
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
  EXPECT_FALSE(contains(maps_of(gateway->pid()), "stamp.so"));
  gateway->configure(with(up, "", "test/stamp"));
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
  EXPECT_TRUE(contains(maps_of(gateway->pid()), "stamp.so"));
  gateway->configure(with(up, R"(["stamp"])", "test/stamp"));
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
  EXPECT_TRUE(wait_for_generations(*gateway, 1));
  EXPECT_EQ(children_of(gateway->pid()).size(), 1u);
}

// ---- files that misbehave while they are opened ----

struct Mapped {
  const char *name, *says;
};
void PrintTo(const Mapped& m, std::ostream* out) { *out << m.name; }
class IsolateMappedTest : public IsolateDescribeTest, public testing::WithParamInterface<Mapped> {
 protected:
  static std::string id() {
    std::string id = GetParam().name;
    std::replace(id.begin(), id.end(), '_', '-');
    return id;
  }
  static std::string says() {
    return std::string{GetParam().name} + ".so (misbehaving." + id() + " 1.0.0): cannot be isolated: " + GetParam().says;
  }
};

TEST_P(IsolateMappedTest, IsAnErrorAtItsEntryInEveryToolAndNoneOfThemDies) {
  const std::string config = with(up, R"(["misbehaving.)" + id() + "\"]", "");
  for (const auto& [command, more] : {std::pair{"check", std::vector<std::string>{}}, std::pair{"plugins", std::vector<std::string>{}},
                                      std::pair{"check", std::vector<std::string>{"--lint"}}, std::pair{"schema", std::vector<std::string>{}},
                                      std::pair{"run", std::vector<std::string>{}}}) {
    const Ran ran = run_plugged({std::string{"misbehaving/mapped/"} + GetParam().name}, command, config, more);
    EXPECT_EQ(ran.code, command == std::string_view{"run"} ? 255 : 1) << command << '\n' << ran.output;
    EXPECT_TRUE(contains(ran.output, says())) << command << '\n' << ran.output;
    EXPECT_TRUE(contains(ran.output, "/plugin/isolate/0")) << command << '\n' << ran.output;
    EXPECT_FALSE(contains(ran.output, "no plugin has the id")) << command << '\n' << ran.output;
  }
}

TEST_P(IsolateMappedTest, AsANewBuildRefusesTheReloadAndNothingElse) {
  Describing gateway({}, with(up, "", ""));
  gateway.put(build("a"), "stamp.so");
  gateway->configure(with(up, R"(["stamp"])", "test/stamp"));
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  gateway.put(fixture(std::string{"mapped/"} + GetParam().name), "stamp.so");
  const Ran ran = sluice_reload(*gateway);
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.output, "stamp.so (misbehaving." + id() + " 1.0.0): cannot be isolated: " + GetParam().says)) << ran.output;
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "a");
  EXPECT_EQ(children_of(gateway->pid()).size(), 1u);
  gateway.put(build("b"), "stamp.so");
  ASSERT_EQ(sluice_reload(*gateway).code, 0);
  EXPECT_EQ(gateway.get().header("X-Build-Out"), "b");
}

INSTANTIATE_TEST_SUITE_P(Mapped, IsolateMappedTest,
                         testing::Values(Mapped{"crashes_when_opened", "it crashed in its static constructors: SIGSEGV (Segmentation fault)"},
                                         Mapped{"crashes_when_asked", "it crashed in get_interface: SIGABRT (Aborted)"},
                                         Mapped{"exits_when_asked", "it ended its process in get_interface: exit code 3"},
                                         Mapped{"babbles_when_opened", "the process that describes it sent no valid message"}),
                         [](const auto& p) { return std::string{p.param.name}; });

TEST_F(IsolateDescribeTest, AFileThatHangsIsKilledWhenItsTimeIsOver) {
  plugin::isolate::DescribeRequest r;
  r.file = r.title = r.copy = fixture("mapped/hangs_when_opened");
  r.limit_ms = 2000;  // as good as the gateway's 30 s
  const std::string program = gateway_binary();
  r.program = program.c_str();
  const auto answers = plugin::isolate::describe_all({r});
  ASSERT_FALSE(answers.at(0));
  const std::string& why = answers.at(0).error().message;
  EXPECT_TRUE(why.starts_with(r.file + ": cannot be isolated: ") && why.ends_with(" within 2 s, and the process was killed")) << why;
}

TEST_F(IsolateDescribeTest, WhatMayNotBeLoadedIsNotOpenedAnywhere) {
  TempFolder folder;
  const std::string file = folder.path() + "/crashes_when_opened.so";
  const std::string config = folder.write("krakend.json", with(up, R"(["crashes_when_opened"])", ""));
  auto check = [&] { return run_program({gateway_binary(), "check", "-c", config, "--plugins", folder.path() + "/plugins"}); };
  fs::create_directory(folder.path() + "/plugins");
  const std::string plugin = folder.path() + "/plugins/crashes_when_opened.so";
  fs::copy_file(fixture("mapped/crashes_when_opened"), plugin);
  EXPECT_TRUE(contains(check().output, "it crashed in its static constructors"));
  chmod(plugin.c_str(), 0777);
  Ran ran = check();
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.output, "error: /plugin/isolate/0: ") && contains(ran.output, "chmod ")) << ran.output;
  EXPECT_FALSE(contains(ran.output, "crashed")) << ran.output;
  chmod(plugin.c_str(), 0644);
  folder.write("plugins/plugins.lock", R"({"version": 1, "plugins": {}})");
  ran = check();
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(contains(ran.output, "error: /plugin/isolate/0: ") && contains(ran.output, "plugins.lock")) << ran.output;
  EXPECT_FALSE(contains(ran.output, "crashed")) << ran.output;
}

// What the loader has to say of a file, it says of one that another process opens, too.
TEST_F(IsolateDescribeTest, FaultsOfTheEntryAreToldAsTheLoaderTellsThem) {
  for (const char* name : {"bad_magic", "newer_major", "missing_service", "unknown_interface", "lying_note", "no_entry"}) {
    const std::string inside = run_plugged({std::string{"misbehaving/"} + name}, "check", with(up, "", "")).output;
    const std::string file = std::string{"/"} + name + ".so";
    const size_t at = inside.find(file);
    ASSERT_NE(at, inside.npos) << inside;
    const std::string sentence = inside.substr(at, inside.find('\n', at) - at);
    const Ran ran = run_plugged({std::string{"misbehaving/"} + name}, "check", with(up, std::string{"[\""} + name + "\"]", ""));
    EXPECT_EQ(ran.code, 1) << name;
    EXPECT_TRUE(contains(ran.output, "error: /plugin/isolate/0: ") && contains(ran.output, sentence)) << sentence << '\n' << ran.output;
  }
}

}  // namespace
}  // namespace sluice::test
