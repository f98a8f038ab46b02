#include "core/app/options.h"

#include <gtest/gtest.h>

namespace sluice::app {
namespace {

Parsed parsed(std::vector<std::string> arguments) { return parse(arguments); }

TEST(OptionsTest, RunTakesItsFlagsLongAndShort) {
  auto p = parsed({"run",          "-dc",           "a.json",      "-p",          "8081",      "--workers=3", "--plugins", "/p",      "--strict",
                   "--log-format", "json",          "--log-level", "Warning",     "--daemon",  "--pid-file",  "x.pid",     "--admin", "/a.sock",
                   "--watch",      "--drain-grace", "5",           "--crash-dir", "/var/crash"});
  ASSERT_FALSE(p.exit) << p.err;
  const Options& o = p.options;
  EXPECT_EQ(o.command, Command::run);
  EXPECT_EQ(o.gateway.config_file, "a.json");
  EXPECT_EQ(o.gateway.port, 8081);
  EXPECT_TRUE(o.gateway.debug_endpoint);
  EXPECT_EQ(o.gateway.workers, 3u);
  EXPECT_EQ(o.gateway.plugins, "/p");
  EXPECT_EQ(o.gateway.policy, Policy::strict);
  EXPECT_EQ(o.log.format, log::Format::json);
  EXPECT_EQ(o.log.level, log::Level::warning);
  EXPECT_TRUE(o.daemon);
  EXPECT_EQ(o.pid_file, "x.pid");
  EXPECT_EQ(o.admin, "/a.sock");
  EXPECT_TRUE(o.watch);
  EXPECT_EQ(o.gateway.drain_grace_s, 5u);
  EXPECT_EQ(o.crash_folder, "/var/crash");
}

TEST(OptionsTest, RunHasDefaults) {
  auto p = parsed({"run", "--config=a.json"});
  ASSERT_FALSE(p.exit);
  const Options& o = p.options;
  EXPECT_FALSE(o.gateway.port);
  EXPECT_FALSE(o.gateway.debug_endpoint);
  EXPECT_EQ(o.gateway.workers, 0u);
  EXPECT_EQ(o.gateway.policy, Policy::normal);
  EXPECT_EQ(o.log.format, log::Format::automatic);
  EXPECT_EQ(o.log.level, log::Level::debug);
  EXPECT_FALSE(o.daemon);
  EXPECT_TRUE(o.admin.empty());
  EXPECT_FALSE(o.watch);
  EXPECT_EQ(o.gateway.drain_grace_s, 60u);
  EXPECT_EQ(parsed({"run", "-c", "a.json", "--drain-grace", "a day"}).exit, kUsage);
}

TEST(OptionsTest, PortZeroMeansNotGiven) {
  auto p = parsed({"run", "-c", "a", "-p", "0"});
  ASSERT_FALSE(p.exit);
  EXPECT_FALSE(p.options.gateway.port);
}

TEST(OptionsTest, AFlagGivenAgainWins) {
  auto p = parsed({"run", "-c", "a", "-c", "b", "-p", "1", "-p", "2"});
  ASSERT_FALSE(p.exit) << p.err;
  EXPECT_EQ(p.options.gateway.config_file, "b");
  EXPECT_EQ(p.options.gateway.port, 2);
}

TEST(OptionsTest, CheckCountsDebugAndHasAnAlias) {
  for (const char* name : {"check", "validate"}) {
    auto p = parsed({name, "-tddc", "a.json", "-i", "  ", "--lenient"});
    ASSERT_FALSE(p.exit) << p.err;
    EXPECT_EQ(p.options.command, Command::check);
    EXPECT_EQ(p.options.dump, 2);
    EXPECT_EQ(p.options.indent, "  ");
    EXPECT_EQ(p.options.gateway.policy, Policy::lenient);
  }
  EXPECT_EQ(parsed({"check", "-c", "a", "-d", "-d", "--debug", "-d"}).options.dump, 3);
  EXPECT_EQ(parsed({"check", "-c", "a"}).options.dump, 0);
  EXPECT_EQ(parsed({"check", "-c", "a"}).options.indent, "\t");
}

TEST(OptionsTest, CheckTakesOneOfThreeLints) {
  EXPECT_EQ(parsed({"check", "-c", "a"}).options.lint, Lint::none);
  EXPECT_EQ(parsed({"check", "-c", "a", "-n"}).options.lint, Lint::own);
  EXPECT_EQ(parsed({"check", "-lc", "a"}).options.lint, Lint::own);
  auto p = parsed({"check", "-c", "a", "-s", "mine.json"});
  EXPECT_EQ(p.options.lint, Lint::file);
  EXPECT_EQ(p.options.lint_schema, "mine.json");
  for (std::vector<std::string> both : {std::vector<std::string>{"-l", "-n"}, {"-n", "-s", "x"}, {"-l", "-s", "x"}}) {
    std::vector<std::string> all{"check", "-c", "a"};
    all.insert(all.end(), both.begin(), both.end());
    EXPECT_EQ(parsed(all).exit, 255);
  }
}

TEST(OptionsTest, HelpGoesToStdoutAndEndsWell) {
  for (std::vector<std::string> a : {std::vector<std::string>{}, {"help"}, {"-h"}, {"--help"}, {"run", "-h"}, {"help", "run"},
                                     {"check", "--help"}, {"version", "-h"}, {"run", "-c", "a", "--help"}}) {
    auto p = parsed(a);
    ASSERT_TRUE(p.exit);
    EXPECT_EQ(*p.exit, 0);
    EXPECT_NE(p.out.find("Usage:"), std::string::npos);
    EXPECT_EQ(p.err, "");
  }
  EXPECT_NE(parsed({}).out.find("Version: " SLC_VERSION), std::string::npos);
  EXPECT_NE(parsed({"help", "run"}).out.find("--pid-file"), std::string::npos);
  EXPECT_NE(parsed({"help", "run"}).out.find("--crash-dir"), std::string::npos);
}

TEST(OptionsTest, WithoutAConfigurationThereIsAHintAndAFailure) {
  for (const char* name : {"run", "check"}) {
    auto p = parsed({name});
    ASSERT_TRUE(p.exit);
    EXPECT_EQ(*p.exit, 1);
    EXPECT_NE(p.err.find("-c FILE"), std::string::npos);
    EXPECT_EQ(p.out, "");
  }
}

// Wrong use: 255, "Error: …" on stderr and the bare message on stdout.
void expect_usage(std::vector<std::string> arguments, const std::string& message, const std::string& hint = {}) {
  auto p = parsed(arguments);
  ASSERT_TRUE(p.exit) << message;
  EXPECT_EQ(*p.exit, 255);
  EXPECT_EQ(p.out.find(message), 0u) << p.out;
  EXPECT_EQ(p.err.find("Error: " + message), 0u) << p.err;
  if (hint.empty()) EXPECT_EQ(p.err.find("Did you mean"), std::string::npos) << p.err;
  else EXPECT_NE(p.err.find("Did you mean " + hint + "?"), std::string::npos) << p.err;
}

TEST(OptionsTest, UnknownCommandsAndFlagsNameTheNearest) {
  expect_usage({"chek"}, "unknown command \"chek\" for \"sluice\"", "'sluice check'");
  expect_usage({"frobnicate"}, "unknown command \"frobnicate\" for \"sluice\"");
  expect_usage({"help", "rum"}, "unknown command \"rum\" for \"sluice\"", "'sluice run'");
  expect_usage({"run", "--confg", "x"}, "unknown flag: --confg", "--config");
  expect_usage({"run", "--worker=3", "-c", "x"}, "unknown flag: --worker=3", "--workers");
  expect_usage({"run", "-c", "x", "-x"}, "unknown flag: -x");
  expect_usage({"check", "-c", "x", "--daemon"}, "unknown flag: --daemon");
  expect_usage({"--version"}, "unknown flag: --version", "'sluice version'");
  expect_usage({"version", "--all"}, "unknown flag: --all");
}

// cli.md §1.1: below the error stands how the command is used; on stdout there is the message alone.
TEST(OptionsTest, WrongFlagsAndValuesAreFollowedByTheUsageOfTheCommand) {
  for (const auto& [arguments, command] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"run", "--confg", "x"}, "run"}, {{"run", "-c", "x", "-p", "abc"}, "run"}, {{"run", "-c"}, "run"}, {{"check", "-c", "x", "y"}, "check"},
           {{"check", "-c", "a", "-l", "-n"}, "check"}, {{"version", "--all"}, "version"}, {{"--all"}, ""}}) {
    auto p = parsed(arguments);
    const std::string usage = help_text(command);
    ASSERT_GT(p.err.size(), usage.size());
    EXPECT_EQ(p.err.substr(p.err.size() - usage.size()), usage) << p.err;
    EXPECT_EQ(p.out.find("Usage:"), std::string::npos) << p.out;
    EXPECT_EQ(p.out, p.err.substr(7, p.err.find('\n') - 6)) << "the bare message";
  }
  auto unknown = parsed({"chek"});
  EXPECT_NE(unknown.err.find("Run 'sluice help' for usage.\n"), std::string::npos) << unknown.err;
}

TEST(OptionsTest, BadValuesAreRefused) {
  expect_usage({"run", "-c", "x", "-p", "abc"}, "invalid argument \"abc\" for --port");
  expect_usage({"run", "-c", "x", "-p", "65536"}, "invalid argument \"65536\" for --port");
  expect_usage({"run", "-c", "x", "--port=-1"}, "invalid argument \"-1\" for --port");
  expect_usage({"run", "-c", "x", "--workers", "0"}, "invalid argument \"0\" for --workers");
  expect_usage({"run", "-c", "x", "--workers", "257"}, "invalid argument \"257\" for --workers: a number from 1 to 256 is wanted");
  EXPECT_EQ(parsed({"run", "-c", "x", "--workers", "256"}).options.gateway.workers, 256u);
  expect_usage({"run", "-c", "x", "--log-format", "xml"}, "invalid argument \"xml\" for --log-format");
  expect_usage({"run", "-c", "x", "--log-level", "loud"}, "invalid argument \"loud\" for --log-level");
  expect_usage({"run", "-c", "x", "--strict", "--lenient"}, "--strict and --lenient cannot be used together");
  expect_usage({"run", "-c", "x", "y"}, "unexpected argument \"y\" for \"sluice run\"");
  expect_usage({"version", "y"}, "unexpected argument \"y\" for \"sluice version\"");
  auto p = parsed({"run", "-c"});
  ASSERT_TRUE(p.exit);
  EXPECT_EQ(*p.exit, 255);
}

TEST(OptionsTest, VersionHasThreeLines) {
  auto p = parsed({"version"});
  EXPECT_FALSE(p.exit);
  EXPECT_EQ(p.options.command, Command::version);
  auto text = version_text();
  EXPECT_EQ(text.find("sluice Version: " SLC_VERSION "\nABI: 1."), 0u) << text;
  EXPECT_NE(text.find("\nGlibc Version: 2."), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::app
