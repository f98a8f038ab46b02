// Templates and YAML in a real gateway: what is served, what is said, what a reload takes up.
#include <gtest/gtest.h>

#include "tests/integration/reloading.h"
#include "tests/support/markdown.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) text.replace(at, what.size(), with);
  return text;
}

Ran sluice(const std::vector<std::string>& arguments, const TempFolder& folder, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> argv{gateway_binary()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  if (arguments[0] == "check") argv.insert(argv.end(), {"--plugins", plugins_folder()});
  return run_program(argv, kLimit, environment, folder.path());
}

// ---- docs/flexible-configuration.md ----

class PageTest : public testing::Test {
 protected:
  // Writes the files of the page as a reader would.
  PageTest() {
    for (const CodeBlock& b : code_blocks(read_file(SLC_SOURCE_FOLDER "/docs/flexible-configuration.md"))) {
      if (b.mark.starts_with("file ")) folder.write(b.mark.substr(5), b.text), ++files;
      if (b.mark.starts_with("output of ")) outputs[b.mark.substr(10)] = b.text;
    }
  }
  TempFolder folder;
  int files = 0;
  std::map<std::string, std::string> outputs;
  const std::map<std::string, std::string> environment{
      {"FC_ENABLE", "1"}, {"FC_SETTINGS", "settings"}, {"FC_PARTIALS", "partials"}, {"FC_TEMPLATES", "templates"}};
};

TEST_F(PageTest, ItsConfigurationsAreAccepted) {
  EXPECT_EQ(files, 7);
  for (const char* file : {"gateway.yaml", "gateway.toml"}) {
    Ran ran = sluice({"check", "-c", file}, folder, {});
    EXPECT_EQ(ran.code, 0) << ran.output;
  }
  Ran ran = sluice({"check", "-c", "gateway.tmpl"}, folder, environment);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(ran.output.find("warning"), std::string::npos) << ran.output;
}

TEST_F(PageTest, RenderExplainsAsItShows) {
  Ran ran = sluice({"render", "--explain", "-c", "gateway.tmpl"}, folder, environment);
  EXPECT_EQ(ran.code, 0);
  ASSERT_NE(outputs["render --explain"], "");
  EXPECT_TRUE(ran.output.starts_with(outputs["render --explain"])) << ran.output;
}

TEST_F(PageTest, AProblemIsToldAsItShows) {
  folder.write("settings/service.json", R"({"port": 8090, "users": "http://users:8080/v1"})");
  Ran ran = sluice({"check", "-c", "gateway.tmpl"}, folder, environment);
  EXPECT_EQ(ran.code, 1);
  // The page shortens the message.
  const std::string shown = outputs["check"], dots = "…";
  const size_t cut = shown.find(dots);
  ASSERT_NE(cut, std::string::npos);
  EXPECT_NE(ran.output.find(shown.substr(0, cut)), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find(shown.substr(cut + dots.size())), std::string::npos) << ran.output;
}

// ---- the gateway ----

TEST(FlexibleConfigurationTest, AGatewayServesWhatATemplateGives) {
  FakeUpstream up;
  up.on("/a", Reply::json(R"({"who":"a"})"));
  up.on("/b", Reply::json(R"({"who":"b"})"));
  TempFolder files;
  files.write("s/service.json", R"({"host": ")" + up.url() + R"(", "paths": ["a", "b"]})");
  GatewayOptions o;
  o.config =
      R"({"version": 3, "listen_ip": "127.0.0.1", "endpoints": [{{ range $i, $p := .service.paths }}{{ if $i }},{{ end }}{"endpoint": "/{{ $p }}", "backend": [{"host": ["{{ $.service.host }}"], "url_pattern": "/{{ $p }}"}]}{{ end }}]})";
  o.environment = {{"FC_ENABLE", "1"}, {"FC_SETTINGS", files.path() + "/s"}};
  o.workers = 1;
  o.verbatim = true;
  GatewayProcess gateway(o);
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/a").body, R"({"who":"a"})");
  EXPECT_EQ(client.get("/b").body, R"({"who":"b"})");
}

TEST(FlexibleConfigurationTest, AReloadReadsTheSettingsAgainAndRefusesABrokenTemplate) {
  FakeUpstream up;
  up.on("/one", Reply::json(R"({"n":1})"));
  up.on("/two", Reply::json(R"({"n":2})"));
  TempFolder files;
  files.write("s/a.json", R"({"path": "/one"})");
  GatewayOptions o;
  o.config = R"({"version": 3, "listen_ip": "127.0.0.1", "endpoints": [{"endpoint": "/x", "backend": [{"host": [")" + up.url() +
             R"("], "url_pattern": "{{ .a.path }}"}]}]})";
  o.environment = {{"FC_ENABLE", "1"}, {"FC_SETTINGS", files.path() + "/s"}};
  o.workers = 1;
  o.verbatim = true;
  GatewayProcess gateway(o);
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").body, R"({"n":1})");
  files.write("s/a.json", R"({"path": "/two"})");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(client.get("/x").body, R"({"n":2})");
  files.write("s/a.json", R"({"path": )");
  Ran ran = sluice_reload(gateway);
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("s/a.json:1:"), std::string::npos) << ran.output;
  EXPECT_EQ(client.get("/x").body, R"({"n":2})") << "the old one serves on";
}

TEST(FlexibleConfigurationTest, WatchTakesUpChangedSettingsTemplatesAndPartials) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"n":1})"));
  TempFolder files;
  files.write("s/a.json", R"({"group": "first"})");
  files.write("p/part", R"("target": "")");
  files.write("t/x.tmpl", R"("mapping": {"n": "m"})");
  GatewayOptions o;
  o.config = R"({"version": 3, "listen_ip": "127.0.0.1", "endpoints": [{"endpoint": "/x", "backend": [{"host": [")" + up.url() +
             R"("], "url_pattern": "/d", "group": "{{ .a.group }}", {{ include "part" }}, {{ template "x.tmpl" }}}]}]})";
  o.environment = {{"FC_ENABLE", "1"}, {"FC_SETTINGS", files.path() + "/s"}, {"FC_PARTIALS", files.path() + "/p"}, {"FC_TEMPLATES", files.path() + "/t"}};
  o.workers = 1;
  o.verbatim = true;
  o.arguments = {"--watch"};
  GatewayProcess gateway(o);
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/x").body, R"({"first":{"m":1}})");
  files.write("s/a.json", R"({"group": "second"})");
  gateway.process().wait_for_output("generation 2 serves");
  EXPECT_EQ(client.get("/x").body, R"({"second":{"m":1}})");
  files.write("t/x.tmpl", R"("mapping": {"n": "q"})");
  gateway.process().wait_for_output("generation 3 serves");
  EXPECT_EQ(client.get("/x").body, R"({"second":{"q":1}})");
  files.write("p/part", R"("allow": ["none"])");
  gateway.process().wait_for_output("generation 4 serves");
  EXPECT_EQ(client.get("/x").body, R"({"second":{}})");
}

TEST(FlexibleConfigurationTest, ACheckNamesTheTemplatesLine) {
  TempFolder files;
  files.write("c.tmpl", "{\"version\": 3,\n\"timeout\": \"{{ env \"T\" }}\",\n\"endpoints\": []}");
  Ran ran = sluice({"check", "-c", "c.tmpl"}, files, {{"FC_ENABLE", "1"}, {"T", "soon"}});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("c.tmpl:2:1: error: /timeout: "), std::string::npos) << ran.output;
  ran = sluice({"check", "-c", "c.tmpl"}, files, {{"FC_ENABLE", "1"}, {"T", "5s"}});
  EXPECT_EQ(ran.code, 0) << ran.output;
}

TEST(FlexibleConfigurationTest, RenderPrintsAndWritesNothing) {
  TempFolder files;
  files.write("c.tmpl", "{\"port\": {{ add 1 2 }}}\n");
  const std::string out = files.path() + "/out.json";
  Ran ran = sluice({"render", "-c", "c.tmpl"}, files, {{"FC_ENABLE", "1"}, {"FC_OUT", out}});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.output, "{\"port\": 3}\n");
  EXPECT_FALSE(std::filesystem::exists(out));
  files.write("bad.tmpl", "x\n{{ uper 1 }}");
  ran = sluice({"render", "-c", "bad.tmpl"}, files, {});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.output, "bad.tmpl:2:4: error: no function \"uper\" (did you mean \"upper\"?)\n");
  EXPECT_EQ(sluice({"render"}, files, {}).code, 255);
}

TEST(FlexibleConfigurationTest, AGatewayServesAYamlConfiguration) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"n":1})"));
  TempFolder files;
  files.write("c.yaml", replaced("version: 3\nendpoints:\n- endpoint: /x\n  backend:\n  - {host: ['@UP@'], url_pattern: /d}\n- endpoint: y\n  backend: []\n",
                                 "@UP@", up.url()));
  Ran ran = sluice({"check", "-c", "c.yaml"}, files, {});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.output.find("c.yaml:7:"), std::string::npos) << ran.output;
  // A template without FC_OUT is of the format that its name says; the harness gives JSON, which is YAML too.
  GatewayOptions o;
  o.config = R"({"version": 3, "endpoints": [{"endpoint": "/x", "backend": [{"host": [")" + up.url() + R"("], "url_pattern": "/d"}]}]})";
  o.environment = {{"FC_ENABLE", "yes"}, {"FC_OUT", files.path() + "/out.yaml"}};
  o.workers = 1;
  GatewayProcess gateway(o);
  EXPECT_EQ(TestClient(gateway.port()).get("/x").body, R"({"n":1})");
}

}  // namespace
}  // namespace sluice::test
