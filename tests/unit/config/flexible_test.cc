// Flexible configuration: files, settings, partials, templates; and positions that lead back to them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/config/template/render.h"
#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

namespace fs = std::filesystem;

class FlexibleTest : public testing::Test {
 protected:
  FlexibleTest() {
    std::string pattern = (fs::temp_directory_path() / "sluice-flexible-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FlexibleTest() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view text) {
    fs::create_directories(fs::path{path(name)}.parent_path());
    std::ofstream{path(name), std::ios::binary} << text;
    return path(name);
  }
  std::string content(const std::string& name) const {
    std::ifstream in{path(name), std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  Environment environment(const Environment& more = {}) const {
    Environment e{{"FC_ENABLE", "1"}};
    for (auto [variable, folder] : {std::pair{"FC_SETTINGS", "s"}, {"FC_PARTIALS", "p"}, {"FC_TEMPLATES", "t"}})
      if (fs::exists(path(folder))) e[variable] = path(folder);
    for (const auto& [name, value] : more) e[name] = value;
    return e;
  }
  ReadResult read_it(const std::string& file, const Environment& more = {}) const {
    ReadOptions options;
    options.environment = environment(more);
    return read_file(path(file), options);
  }
  // The report without the folder's name.
  std::string problems_of(const std::string& file, const Environment& more = {}) const {
    std::string text = read_it(file, more).report.format();
    for (size_t at; (at = text.find(folder_ + "/")) != std::string::npos;) text.erase(at, folder_.size() + 1);
    return text;
  }
  std::string rendered(const std::string& file, const Environment& more = {}) const {
    tmpl::Result r = tmpl::render(path(file), environment(more));
    return r.rendered ? r.rendered->text : "refused";
  }
  std::string folder_;
};

TEST_F(FlexibleTest, SettingsPartialsAndTemplatesMakeOneConfiguration) {
  write("s/service.json", R"({"port": 8123, "host": "http://a"})");
  write("s/paths.yaml", "list: [/a, /b]\n");
  write("s/limits.toml", "timeout = \"7s\"\n");
  write("p/sub/part.txt", R"("name": "from {{ a partial }}")");
  write("t/endpoint.tmpl", R"({"endpoint": "{{ .path }}", "backend": [{"host": ["{{ .host }}"], "url_pattern": "/d"}]})");
  write("c.json", R"({"version": 3, "port": {{ .service.port }}, "timeout": {{ .limits.timeout | quote }}, {{ include "sub/part.txt" }},
"endpoints": [{{ range $i, $p := .paths.list }}{{ if $i }},{{ end }}{{ template "endpoint.tmpl" dict "path" $p "host" $.service.host }}{{ end }}]})");
  ReadResult r = read_it("c.json");
  ASSERT_NE(r.config, nullptr) << r.report.format();
  EXPECT_EQ(r.report.format(), "");
  EXPECT_EQ(r.config->port, 8123);
  EXPECT_EQ(r.config->name, "from {{ a partial }}") << "a partial is no template";
  ASSERT_EQ(r.config->endpoints.size(), 2u);
  EXPECT_EQ(r.config->endpoints[1].path, "/b");
  EXPECT_EQ(r.config->endpoints[0].timeout, std::chrono::seconds{7});
  for (const char* file : {"c.json", "s", "p", "t", "p/sub/part.txt"})
    EXPECT_NE(std::find(r.files.begin(), r.files.end(), path(file)), r.files.end()) << file << " is not watched";
}

TEST_F(FlexibleTest, TheSwitchTakesWordsForNo) {
  write("c.json", "{\"version\": 3{{/* x */}}}");
  for (const char* on : {"1", "true", "yes", "on", "x"}) EXPECT_EQ(problems_of("c.json", {{"FC_ENABLE", on}}), "") << on;
  for (const char* off : {"", "0", "false", "no", "No", "FALSE"})
    EXPECT_NE(problems_of("c.json", {{"FC_ENABLE", off}}).find("expected ',' or '}'"), std::string::npos) << off;
}

TEST_F(FlexibleTest, AProblemOfTheResultIsAtItsTemplatesLine) {
  write("s/a.json", "{\n  \"timeout\": \"3 apples\",\n  \"bad\": \"x y\"\n}");
  write("p/part.json", "\n\"cache_ttl\": \"nine\"");
  write("t/ep.tmpl", "{\"endpoint\": \"{{ . }}\",\n \"timeout\": \"ever\",\n \"backend\": [{\"host\": [\"http://a\"], \"url_pattern\": \"/\"}]}");
  write("c.json",
        "{{ $x := 1 }}\n{\"version\": 3,\n \"timeout\": \"{{ .a.timeout }}\",\n {{ include \"part.json\" }},\n \"endpoints\": [\n{{ template \"ep.tmpl\" "
        "\"/x\" }}]}");
  std::string report = problems_of("c.json");
  EXPECT_NE(report.find("c.json:3:2: error: /timeout: "), std::string::npos) << report;
  EXPECT_NE(report.find("p/part.json:2:1: error: /cache_ttl: "), std::string::npos) << report;
  EXPECT_NE(report.find("t/ep.tmpl:2:2: error: /endpoints/0/timeout: "), std::string::npos) << report;
  EXPECT_NE(report.find("(in a template called at c.json:6)"), std::string::npos) << report;
}

TEST_F(FlexibleTest, AProblemInsideAValueNamesItsSettings) {
  write("s/a.json", R"({"endpoint": {"endpoint": "no-slash", "backend": [{"host": ["http://a b"], "url_pattern": "/"}]}})");
  write("c.json", "{\"version\": 3, \"endpoints\": [\n  {{ marshal .a.endpoint }}]}");
  std::string report = problems_of("c.json");
  EXPECT_NE(report.find("c.json:2:6: error: /endpoints/0/backend/0/host/0"), std::string::npos) << report;
  EXPECT_NE(report.find("(the value is from s/a.json /endpoint)"), std::string::npos) << report;
}

TEST_F(FlexibleTest, SyntaxErrorsOfTheResultAreAtTheTemplateToo) {
  write("c.json", "{{ $x := \"y\" }}\n\n{\"version\": 3,\n \"name\": {{ env \"NAME\" }}\n}");
  EXPECT_EQ(problems_of("c.json", {{"NAME", "oops"}}).substr(0, 19), "c.json:4:13: error:");
  EXPECT_NE(problems_of("c.json", {{"NAME", "oops"}}).find("the value is from the environment variable NAME"), std::string::npos);
  EXPECT_EQ(problems_of("c.json", {{"NAME", "\"fine\""}}), "");
}

TEST_F(FlexibleTest, WhatIsWrongWithTheFilesIsToldTogether) {
  write("s/a.json", "{\"x\": }");
  write("s/b.json", "[1]");
  write("s/c.yaml", "x: [\n");
  write("s/d.txt", "not looked at");
  write("t/bad.tmpl", "\n{{ nofunc }}");
  write("t/other.txt", "{{ not looked at");
  write("c.json", "{\"version\": 3, {{ .a.x }");
  std::string report = problems_of("c.json");
  EXPECT_NE(report.find("s/a.json:1:7: error: expected a value"), std::string::npos) << report;
  EXPECT_NE(report.find("s/b.json:1:1: error: settings are an object at the top"), std::string::npos) << report;
  EXPECT_NE(report.find("s/c.yaml:"), std::string::npos) << report;
  EXPECT_NE(report.find("t/bad.tmpl:2:4: error: no function \"nofunc\""), std::string::npos) << report;
  EXPECT_NE(report.find("c.json:1:"), std::string::npos) << report;
}

TEST_F(FlexibleTest, MissingFilesAreErrorsWithASuggestion) {
  write("s/service.json", R"({"port": 1})");
  write("p/limits.txt", "x");
  write("c.json", "\n{{ .servce.port }}");
  EXPECT_EQ(problems_of("c.json"), "c.json:2:4: error: there are no settings \"servce\": no file servce.json in s (did you mean \"service\"?)\n");
  write("c.json", "\n{{ include \"limit.txt\" }}");
  EXPECT_NE(problems_of("c.json").find("c.json:2:4: error: include: p/limit.txt cannot be opened: No such file or directory (did you mean \"limits.txt\"?)"),
            std::string::npos)
      << problems_of("c.json");
  write("c.json", "{{ range .endpints }}{{ end }}");
  EXPECT_NE(problems_of("c.json").find("no file endpints.json"), std::string::npos);
  write("c.json", "{{ marshal .endpints }}");
  EXPECT_NE(problems_of("c.json").find("no file endpints.json"), std::string::npos);
  write("c.json",
        "{\"version\": 3 {{ if .nothing }}x{{ end }}{{ with .nothing }}x{{ end }}{{ range .nothing }}{{ else }}{{ end }}{{ .nothing | default \"\" }} }");
  EXPECT_EQ(problems_of("c.json"), "") << "asking whether they are there is none";
  EXPECT_NE(problems_of("c.json", {{"FC_SETTINGS", path("nowhere")}}).find("the folder of FC_SETTINGS cannot be read"), std::string::npos);
  EXPECT_NE(problems_of("none.json").find("none.json: error: cannot be opened"), std::string::npos);
}

TEST_F(FlexibleTest, AMissingKeyPrintsWhatGoPrintsAndIsWarnedOf) {
  write("s/service.json", R"({"port": 1, "name": "x"})");
  write("c.json", "{\"version\": 3, \"name\": \"{{ .service.nam }}\"}");
  ReadResult r = read_it("c.json");
  ASSERT_NE(r.config, nullptr);
  EXPECT_EQ(r.config->name, "<no value>");
  EXPECT_EQ(problems_of("c.json"), "c.json:1:28: warning: this prints \"<no value>\": the settings in s/service.json have no /nam (did you mean \"name\"?)\n");
}

TEST_F(FlexibleTest, TheResultIsKeptInFcOutWhoseEndingIsTheFormat) {
  write("c.json", "{\"version\": 3, \"port\": {{ add 8000 1 }}}");
  Environment out{{"FC_OUT", path("out.json")}};
  ASSERT_NE(read_it("c.json", out).config, nullptr);
  EXPECT_EQ(content("out.json"), "{\"version\": 3, \"port\": 8001}");
  auto before = fs::last_write_time(path("out.json"));
  ASSERT_NE(read_it("c.json", out).config, nullptr);
  EXPECT_EQ(fs::last_write_time(path("out.json")), before) << "the same text is not written again";
  write("c.tmpl", "version: 3\nport: {{ add 8000 2 }}\n");
  ReadResult yaml = read_it("c.tmpl", {{"FC_OUT", path("out.yaml")}});
  ASSERT_NE(yaml.config, nullptr) << yaml.report.format();
  EXPECT_EQ(yaml.config->port, 8002);
  EXPECT_NE(problems_of("c.json", {{"FC_OUT", path("no/such/folder.json")}}).find("cannot be written"), std::string::npos);
}

TEST_F(FlexibleTest, WithoutFcOutTheTemplatesOwnNameIsTheFormat) {
  write("c.yaml", "version: 3\nport: {{ add 8000 1 }}\ntimeout: {{ \"x\" }}\n");
  EXPECT_NE(problems_of("c.yaml").find("c.yaml:3:1: error: /timeout"), std::string::npos) << problems_of("c.yaml");
  write("c.toml.tmpl", "version = 3\nport = {{ add 8000 1 }}\n");
  EXPECT_EQ(problems_of("c.toml.tmpl"), "");
}

TEST_F(FlexibleTest, ATemplateFileReplacesABlockOfTheConfiguration) {
  write("t/extra.tmpl", "{{ define \"limits\" }}{{ end }}{{ define \"name\" }}mine{{ end }}");
  write("c.json", "{{ block \"name\" . }}default{{ end }} {{ block \"limits\" . }}kept{{ end }}");
  EXPECT_EQ(rendered("c.json"), "mine kept") << "an empty definition replaces nothing";
}

TEST_F(FlexibleTest, JsonSettingsWinOverNamesakes) {
  write("s/a.json", R"({"x": "json"})");
  write("s/a.yaml", "x: yaml\n");
  write("c.json", "{\"version\": 3, \"name\": \"{{ .a.x }}\"}");
  EXPECT_EQ(rendered("c.json").find("yaml"), std::string::npos);
  EXPECT_NE(problems_of("c.json").find("s/a.yaml: warning: is not read: another settings file gives .a already"), std::string::npos);
}

TEST_F(FlexibleTest, EveryByteOfTheResultHasAPlace) {
  write("s/a.json", R"({"l": [1, 2, 3], "s": "x"})");
  write("p/part", "one\ntwo");
  write("t/x.tmpl", "<{{ . }}>");
  write("c.json", "start\n{{ range .a.l }}{{ . }},{{ template \"x.tmpl\" . }}\n{{ end }}{{ include \"part\" }}{{ .a.s }}end");
  tmpl::Result r = tmpl::render(path("c.json"), environment());
  ASSERT_NE(r.rendered, nullptr);
  const std::string& text = r.rendered->text;
  EXPECT_EQ(text, "start\n1,<1>\n2,<2>\n3,<3>\none\ntwoxend");
  auto line = [&](std::string_view what) {
    tmpl::Place p = r.rendered->map.at(text.find(what));
    return fs::path{p.file->name}.filename().string() + ":" + std::to_string(tmpl::line_column(p.file->text, p.offset).line);
  };
  EXPECT_EQ(line("start"), "c.json:1");
  EXPECT_EQ(line("3,"), "c.json:2");
  EXPECT_EQ(line("<2"), "x.tmpl:1");
  EXPECT_EQ(line("one"), "part:1");
  EXPECT_EQ(line("two"), "part:2");
  EXPECT_EQ(line("end"), "c.json:3");
  tmpl::Place value = r.rendered->map.at(text.find("2,"));
  ASSERT_EQ(value.origins.size(), 1u);
  EXPECT_EQ(value.origins[0]->pointer, "/l/1");
}

}  // namespace
}  // namespace sluice::config
