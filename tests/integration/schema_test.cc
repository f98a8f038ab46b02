// The JSON Schema of whole configurations against what `check` says: both read the same files, and neither may be silent where
// the other speaks of a key's type, bounds or choices.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <functional>

#include "core/app/plugin_folders.h"
#include "core/config/grammar.h"
#include "core/config/reader.h"
#include "core/config/syntax.h"
#include "core/log/log.h"
#include "core/pipeline/compile.h"
#include "core/plugin/config_schema.h"
#include "core/plugin/schema.h"
#include "tests/integration/gateway_config.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using config::Grammar;
using config::Issue;
using config::Key;
using config::Type;

std::unique_ptr<plugin::Registry> all_plugins() {
  auto registry = std::make_unique<plugin::Registry>();
  plugin::ScanResult found;
  registry->scan(plugins_folder(), ".so", found);
  EXPECT_TRUE(found.problems.empty()) << (found.problems.empty() ? "" : found.problems[0]);
  return registry;
}

std::shared_ptr<const plugin::Schema> make(bool strict) {
  auto compiled = plugin::Schema::compile(json::serialize(plugin::configuration_schema(*all_plugins(), strict)));
  EXPECT_TRUE(compiled) << compiled.error().message;
  return compiled ? *compiled : nullptr;
}
const plugin::Schema& schema() {
  static const auto kSchema = make(false);
  return *kSchema;
}
const plugin::Schema& strict_schema() {
  static const auto kSchema = make(true);
  return *kSchema;
}

std::string told(const std::vector<plugin::Violation>& all) {
  std::string text;
  for (const auto& v : all) text += v.pointer + ": " + v.message + "\n";
  return text;
}
std::string told(const config::Report& report) { return report.format(); }

// Everything `check` would say.
config::Report check(const std::string& text) {
  config::ReadResult read = config::read_text("test.json", text, {});
  if (read.partial && read.partial->tree) pipeline::compile(read.partial, all_plugins(), {1, false, false}, read.report);
  return std::move(read.report);
}
// What reading alone says.
config::Report read(const std::string& text) { return std::move(config::read_text("test.json", text, {}).report); }

// Deeper than Boost's own limit; as deep as configurations may be.
json::value parse(const std::string& text) {
  config::SyntaxFault fault;
  auto v = config::parse_json(text, fault);
  EXPECT_TRUE(v) << fault.message << ": " << text;
  return v ? *v : json::value{};
}

// ---- files ----

TEST(SchemaTest, EveryExampleIsValidAlsoStrictly) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator{SLC_SOURCE_FOLDER "/config"}) {
    if (entry.path().extension() != ".json") continue;
    json::value v = parse(read_file(entry.path().string()));
    if (!v.is_object() || !v.get_object().contains("version")) continue;  // the data of an example's backend
    ++count;
    EXPECT_EQ(told(schema().check(v, "")), "") << entry.path();
    EXPECT_EQ(told(strict_schema().check(v, "")), "") << entry.path();
  }
  EXPECT_GE(count, 3u);
}

// In shares, so that they can run side by side.
class RecordedTest : public testing::TestWithParam<size_t> {};
constexpr size_t kShares = 4;

TEST_P(RecordedTest, WhatCheckTakesWithoutAWordIsValid) {
  log::configure(log::Level::off, {});
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator{SLC_SOURCE_FOLDER "/tests/conformance/cases"}) files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  ASSERT_GT(files.size(), 300u);
  size_t silent = 0, refused = 0;
  for (size_t i = GetParam(); i < files.size(); i += kShares) {
    config::SyntaxFault fault;
    auto recorded = config::parse_json(read_file(files[i]), fault);
    if (!recorded) continue;  // those about malformed files
    const json::value* configuration = recorded->get_object().if_contains("config");
    if (!configuration || !configuration->is_object()) continue;
    std::string text = json::serialize(*configuration);
    // Places that the players of the cases fill in.
    for (const char* name : {"@A@", "@B@", "@C@", "@D@"})
      for (size_t at; (at = text.find(name)) != text.npos;) text.replace(at, 3, "http://127.0.0.1:1");
    auto violations = schema().check(parse(text), "");
    config::Report report = read(text);
    // Loading every plugin for every case takes long: what the reader finds is enough, unless only the schema speaks.
    if (!violations.empty() && report.issues().empty()) report = check(text);
    silent += report.issues().empty(), refused += !violations.empty();
    EXPECT_TRUE(violations.empty() || !report.issues().empty()) << files[i] << ": refused by the schema only\n" << told(violations);
  }
  // So that the loop does not run dry unnoticed.
  EXPECT_GT(silent, 50u);
  EXPECT_GT(refused, 0u);
}
INSTANTIATE_TEST_SUITE_P(Cases, RecordedTest, testing::Range(size_t{0}, kShares));

// ---- one mistake each ----

std::string with_root(const std::string& more) {
  return R"({"version": 3, )" + more + R"("endpoints": [{"endpoint": "/x", "backend": [{"url_pattern": "/", "host": ["http://h"]}]}]})";
}
std::string with_endpoint(const std::string& more) {
  return R"({"version": 3, "endpoints": [{"endpoint": "/x", )" + more + R"("backend": [{"url_pattern": "/", "host": ["http://h"]}]}]})";
}
std::string with_backend(const std::string& more) {
  return R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"url_pattern": "/", )" + more + R"("host": ["http://h"]}]}]})";
}

struct Mistake {
  std::string text, pointer;
};

TEST(SchemaTest, MistakesAreFoundByBothAtTheSamePlace) {
  log::configure(log::Level::off, {});
  const Mistake mistakes[] = {
      {R"({"version": 2})", "/version"},
      {R"({"version": "three"})", "/version"},
      {with_root(R"("port": 70000, )"), "/port"},
      {with_root(R"("async_agent": [{"name": "a"}], )"), "/async_agent"},
      {with_root(R"("port": [8080], )"), "/port"},
      {with_root(R"("timeout": "2", )"), "/timeout"},
      {with_root(R"("timeout": true, )"), "/timeout"},
      {with_root(R"("host": {"a": 1}, )"), "/host"},
      {with_root(R"("client_tls": {"min_version": "TLS9"}, )"), "/client_tls/min_version"},
      {with_root(R"("plugin": {"lock": "yes"}, )"), "/plugin/lock"},
      {with_root(R"("plugin": "folder", )"), "/plugin"},
      {with_root(R"("plugin": {"isolate": "x"}, )"), "/plugin/isolate"},
      {with_root(R"("extra_config": {"router": {"auto_options": "yes"}}, )"), "/extra_config/router/auto_options"},
      {with_root(R"("extra_config": {"security/typo": {}}, )"), "/extra_config/security~1typo"},
      {with_root(R"("extra_config": {"security/cors": {"allow_origins": 5}}, )"), "/extra_config/security~1cors/allow_origins"},
      {with_endpoint(R"("method": "FETCH", )"), "/endpoints/0/method"},
      {with_endpoint(R"("concurrent_calls": 65536, )"), "/endpoints/0/concurrent_calls"},
      {with_endpoint(R"("cache_ttl": "1 hour", )"), "/endpoints/0/cache_ttl"},
      {with_endpoint(R"("extra_config": {"qos/ratelimit/router": {"max_rate": "many"}}, )"), "/endpoints/0/extra_config/qos~1ratelimit~1router/max_rate"},
      {with_endpoint(R"("extra_config": {"qos/circuit-breaker": {"interval": 1}}, )"), "/endpoints/0/extra_config/qos~1circuit-breaker"},
      {with_endpoint(R"("extra_config": {"proxy": {"sequential": "yes"}}, )"), "/endpoints/0/extra_config/proxy/sequential"},
      {with_endpoint(R"("extra_config": {"proxy": {"static": {"strategy": "sometimes", "data": {}}}}, )"), "/endpoints/0/extra_config/proxy/static/strategy"},
      {with_endpoint(R"("extra_config": {"proxy": {"flatmap_filter": {}}}, )"), "/endpoints/0/extra_config/proxy/flatmap_filter"},
      {with_root(R"("extra_config": {"sluice": {"http2": "maybe"}}, )"), "/extra_config/sluice/http2"},
      {with_backend(R"("extra_config": {"sluice": {"http2": "yes"}}, )"), "/endpoints/0/backend/0/extra_config/sluice/http2"},
      {with_backend(R"("is_collection": "maybe", )"), "/endpoints/0/backend/0/is_collection"},
      {with_backend(R"("mapping": {"a": ["b"]}, )"), "/endpoints/0/backend/0/mapping/a"},
      {with_backend(R"("extra_config": {"qos/circuit-breaker": {"interval": "x"}}, )"), "/endpoints/0/backend/0/extra_config/qos~1circuit-breaker"},
      {R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": []}]})", "/endpoints/0/backend"},
      {R"({"version": 3, "endpoints": [{"endpoint": "/x"}]})", "/endpoints/0"},
      {R"({"version": 3, "endpoints": 7})", "/endpoints"},
  };
  for (const Mistake& m : mistakes) {
    auto violations = schema().check(parse(m.text), "");
    EXPECT_FALSE(violations.empty()) << m.text;
    config::Report report = check(m.text);
    bool there = false;
    for (const Issue& i : report.issues()) there = there || i.pointer.starts_with(m.pointer);
    EXPECT_TRUE(there) << m.text << "\n" << told(report);
  }
}

TEST(SchemaTest, RemarksAndOtherLetterCasesAreNoMistakes) {
  for (const std::string& text : {with_root(R"("plugin": {"isolate": {"acme.x": false}}, )"), with_root(R"("plugin": {"isolate": []}, )"),
                                  with_root(R"("$schema": "./sluice.schema.json", "@comment": 1, "_x": [], "//": "", )"), with_root(R"("Timeout": "3s", )"),
                                  std::string{R"({"VERSION": 3, "Endpoints": [{"Endpoint": "/x", "Backend": [{"Host": "http://h"}]}]})"}}) {
    EXPECT_EQ(told(schema().check(parse(text), "")), "") << text;
    EXPECT_EQ(told(read(text)), "") << text;
  }
}

TEST(SchemaTest, OnlyTheStrictOneRefusesUnknownKeysAndNames) {
  for (const std::string& text : {with_root(R"("tiemout": "3s", )"), with_backend(R"("alow": [], )"), with_endpoint(R"("extra_config": {"acme/unknown": {}}, )")}) {
    EXPECT_EQ(told(schema().check(parse(text), "")), "") << text;
    EXPECT_FALSE(strict_schema().check(parse(text), "").empty()) << text;
  }
}

TEST(SchemaTest, OldNamesOfTheCoresOwnBlocksAreNoMistakes) {
  for (const std::string& text : {with_root(R"("extra_config": {"github_com/luraproject/lura/router/gin": {"return_error_msg": true}}, )"),
                                  with_endpoint(R"("extra_config": {"github.com/devopsfaith/krakend/proxy": {"sequential": true}}, )"),
                                  with_backend(R"("extra_config": {"github.com/devopsfaith/krakend/http": {"return_error_code": true}}, )")}) {
    EXPECT_EQ(told(strict_schema().check(parse(text), "")), "") << text;
    EXPECT_EQ(told(read(text)), "") << text;
  }
  const std::string wrong = with_root(R"("extra_config": {"github_com/luraproject/lura/router/gin": {"return_error_msg": []}}, )");
  EXPECT_FALSE(strict_schema().check(parse(wrong), "").empty()) << "and are looked into";
}

// ---- every key with every kind of value ----

struct Place {
  std::string pointer;
  std::function<json::value(const std::string& key, const json::value&)> put;
};

json::value base() {
  return parse(R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"url_pattern": "/", "host": ["http://h"]}]}]})");
}
json::object& endpoint_of(json::value& v) { return v.at("endpoints").as_array()[0].as_object(); }
json::object& backend_of(json::value& v) { return endpoint_of(v).at("backend").as_array()[0].as_object(); }

class Agreement {
 public:
  void walk(const Grammar& g, const std::string& pointer, const std::function<json::object&(json::value&)>& place) {
    for (const Key& k : g.keys) {
      const std::string at = config::join(pointer, k.name);
      if (&g != &config::kRootGrammar || k.name != "extra_config")
        for (const json::value& v : values()) one(k, at, v, place);
      if (k.type != Type::object || !k.inner) continue;
      walk(*k.inner, at, [&](json::value& root) -> json::object& {
        json::value& inner = place(root)[k.name];
        if (!inner.is_object()) inner = k.name == "tls" ? json::object{{"disabled", true}} : json::object{};
        return inner.get_object();
      });
    }
  }
  size_t refused = 0, taken = 0;

 private:
  static const std::vector<json::value>& values() {
    static const std::vector<json::value> kValues = [] {
      std::vector<json::value> all;
      // No numbers beyond 2^63: valijson's adapter takes those for none.
      for (const char* text : {"null", "true", "false", "0", "1", "-1", "3", "3.5", "65535", "65535.5", "65536", "4294967295", "4294967296", "1e300", "-1e300",
                               R"("")", R"("abc")", R"("1")", R"("0x1F")", R"("08")", R"("true")", R"("t")", R"("yes")", R"("2s")",
                               R"("1h30m")", R"("1.5ms")", R"("-.5s")", R"("2")", R"("+0")", R"("µs")", R"("3µs")", R"("GET")", R"("get")", R"("Fetch")", R"("json")",
                               R"("required")", R"("always")", R"("/x")", R"("TLS12")", R"("resp0_x")", "[]", R"(["a"])", "[1]", "[null]", "[[]]", "[{}]",
                               R"(["resp0_a"])", R"(["127.0.0.1"])", "{}", R"({"a":1})", R"({"a":"b"})", R"({"a":null})", R"({"a":{}})"})
        all.push_back(json::parse(text));
      return all;
    }();
    return kValues;
  }

  void one(const Key& k, const std::string& at, const json::value& v, const std::function<json::object&(json::value&)>& place) {
    json::value tree = base();
    place(tree)[k.name] = v;
    const std::string text = json::serialize(tree);
    auto violations = schema().check(tree, "");
    config::ReadResult read = config::read_text("t.json", text, {});
    const config::Report& report = read.report;
    // The readers leave flatmap_filter to the generation.
    if (k.type == Type::operations) return;
    if (violations.empty()) ++taken;
    else ++refused;
    EXPECT_TRUE(violations.empty() || !report.issues().empty()) << "refused by the schema only: " << text << "\n" << told(violations);
    for (const Issue& i : report.issues()) {
      const bool about = (i.pointer == at || i.pointer.starts_with(at + "/")) && i.message.starts_with("expected ");
      if (about && !judged_elsewhere(k, v, i)) {
        EXPECT_FALSE(violations.empty()) << "refused by the reader only: " << text << "\n" << told(report);
      }
    }
  }

  // What a schema of one value cannot know.
  static bool judged_elsewhere(const Key& k, const json::value& v, const Issue& i) {
    if (k.type == Type::integer && v.is_string()) return true;                     // bounds of a number that is written as a text
    if (k.type == Type::integers) return !v.is_number();                           // the same
    if (k.name == "listen_ip") return true;                                        // addresses
    if (k.name == "method" && k.choices.empty()) return true;                      // a backend's: any token
    if (k.name == "trusted_proxies") return i.pointer.ends_with("/0");             // addresses
    return k.name == "tls" || k.name == "keys" || k.name == "client_certs";        // pairs that belong together
  }
};

// The levels of the file: the tests of them run side by side.
json::object& object_at(config::Level level, json::value& v) {
  return level == config::Level::root ? v.as_object() : level == config::Level::endpoint ? endpoint_of(v) : backend_of(v);
}
class AgreementTest : public testing::TestWithParam<config::Level> {
 protected:
  static std::string pointer() {
    return GetParam() == config::Level::root ? "" : GetParam() == config::Level::endpoint ? "/endpoints/0" : "/endpoints/0/backend/0";
  }
};

TEST_P(AgreementTest, OfReadersAndSchemaOnEveryKeyWithEveryKindOfValue) {
  const config::Level level = GetParam();
  const Grammar& g = level == config::Level::root ? config::kRootGrammar : level == config::Level::endpoint ? config::kEndpointGrammar : config::kBackendGrammar;
  Agreement a;
  a.walk(g, pointer(), [&](json::value& v) -> json::object& { return object_at(level, v); });
  EXPECT_GT(a.refused, 200u);
  EXPECT_GT(a.taken, 200u);
}

TEST_P(AgreementTest, OfReadersAndSchemaInTheBlocksOfTheCore) {
  const config::Level level = GetParam();
  Agreement a;
  for (const config::CoreBlock& b : config::core_blocks()) {
    if (b.level != level) continue;
    a.walk(*b.grammar, config::join(config::join(pointer(), "extra_config"), b.name), [&](json::value& v) -> json::object& {
      json::value& extra = object_at(level, v)["extra_config"];
      if (!extra.is_object()) extra = json::object{};
      json::value& block = extra.get_object()[b.name];
      if (!block.is_object()) block = json::object{};
      return block.get_object();
    });
  }
  EXPECT_GT(a.refused, 50u);
  EXPECT_GT(a.taken, 50u);
}
INSTANTIATE_TEST_SUITE_P(Levels, AgreementTest, testing::Values(config::Level::root, config::Level::endpoint, config::Level::backend),
                         [](const auto& p) { return std::string{p.param == config::Level::root ? "root" : p.param == config::Level::endpoint ? "endpoint" : "backend"}; });

// ---- the command ----

TEST(SchemaTest, TheCommandPrintsWhatThisTestUsed) {
  Ran ran = run_program({gateway_binary(), "schema", "--plugins", plugins_folder()});
  ASSERT_EQ(ran.code, 0) << ran.output;
  json::value printed = parse(ran.output);
  EXPECT_EQ(printed.at("$schema"), "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(json::serialize(printed), json::serialize(plugin::configuration_schema(*all_plugins(), false)));
  EXPECT_EQ(printed.at("properties").at("port").at("default"), 8080);
  EXPECT_NE(printed.at("properties").at("port").at("description"), "");
}

}  // namespace
}  // namespace sluice::test
