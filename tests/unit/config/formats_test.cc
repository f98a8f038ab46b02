// Configurations in YAML and TOML: the same model, the same located problems.
#include <boost/json/serialize.hpp>

#include "core/config/formats.h"
#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

std::string as_json(Format format, std::string_view text) {
  SyntaxFault fault;
  auto value = parse(format, text, fault);
  return value ? boost::json::serialize(*value) : "refused at " + std::to_string(fault.offset) + ": " + fault.message;
}

struct Case {
  const char *text, *json;
};

TEST(FormatsTest, TheEndingOfTheNameDecides) {
  EXPECT_EQ(format_of("a.yml"), Format::yaml);
  EXPECT_EQ(format_of("/x/a.yaml"), Format::yaml);
  EXPECT_EQ(format_of("a.toml"), Format::toml);
  for (const char* name : {"a.json", "a.YAML", "a.conf", "yaml", "a.yaml.tmpl"}) EXPECT_EQ(format_of(name), Format::json) << name;
}

TEST(FormatsTest, YamlBecomesJson) {
  const Case cases[] = {
      {"", "null"},
      {"# only a remark\n", "null"},
      {"a: 1\nb: two\nc: [1.5, true, null, ~]\n", R"({"a":1,"b":"two","c":[1.5E0,true,null,null]})"},
      {"a: 0x1f\nb: 0o17\nc: 1_000\nd: -7\ne: .5\nf: 1e3\ng: 0b11\nh: +4\n", R"({"a":31,"b":15,"c":1000,"d":-7,"e":5E-1,"f":1E3,"g":3,"h":4})"},
      {"a: yes\nb: No\nc: on\nd: 12:30\ne: 2020-01-01\n", R"({"a":"yes","b":"No","c":"on","d":"12:30","e":"2020-01-01"})"},
      {"a: \"1\"\nb: '2'\nc: !!str 3\nd: !!int \"4\"\n", R"({"a":"1","b":"2","c":"3","d":4})"},
      {"1: a\ntrue: b\n", R"({"1":"a","true":"b"})"},
      {"a: |\n  x\n  y\nb: >-\n  x\n  y\n", R"({"a":"x\ny\n","b":"x y"})"},
      {"base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\nsame: *b\n", R"({"base":{"x":1,"y":2},"own":{"y":3,"x":1},"same":{"x":1,"y":2}})"},
      {"a: &a {x: 1}\nb: &b {x: 2, z: 2}\nc: {<<: [*a, *b]}\n", R"({"a":{"x":1},"b":{"x":2,"z":2},"c":{"x":1,"z":2}})"},
      {R"({"json": [1, {"x": "\u00e9"}]})", "{\"json\":[1,{\"x\":\"\xc3\xa9\"}]}"},
      {"a: 18446744073709551615\nb: -9223372036854775807\n", R"({"a":18446744073709551615,"b":-9223372036854775807})"},
  };
  for (const Case& c : cases) EXPECT_EQ(as_json(Format::yaml, c.text), c.json) << c.text;
}

TEST(FormatsTest, YamlThatIsNoneIsRefusedAtItsPlace) {
  const Case cases[] = {
      {"a: 1\na: 2\n", "refused at 5: the key \"a\" is there already"},
      {"a: *x\n", "refused at 3: there is no anchor &x before this alias"},
      {"a: &x [*x]\n", "refused at 7: there is no anchor &x before this alias, or it is inside of it"},
      {"a: [1\n", "refused at 6: "},
      {"[a]: 1\n", "refused at 0: a key is a text"},
      {"a: .inf\n", "refused at 3: \".inf\": a configuration has no such number"},
      {"a: 1\n---\nb: 2\n", "refused at 5: a second document"},
      {"a: {<<: 5}\n", "refused at 4: \"<<\" merges an object"},
      {"\tx: 1\n", "refused at 0: "},
  };
  for (const Case& c : cases) EXPECT_TRUE(as_json(Format::yaml, c.text).starts_with(c.json)) << c.text << as_json(Format::yaml, c.text);
}

TEST(FormatsTest, AliasesThatGrowWithoutEndAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) text += (n ? ", *a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(as_json(Format::yaml, text).find("aliases make the configuration larger than 128 MiB"), std::string::npos);
  EXPECT_NE(as_json(Format::yaml, std::string(1000, '[')).find("nested deeper than 200"), std::string::npos);
}

TEST(FormatsTest, TomlBecomesJson) {
  const Case cases[] = {
      {"", "{}"},
      {"a = 1\nb = 'x'\nc = [1.5, 2.0]\nd = true\n", R"({"a":1,"b":"x","c":[1.5E0,2E0],"d":true})"},
      {"[t]\nx = 0x1f\n[t.u]\ny = 1_000\n", R"({"t":{"u":{"y":1000},"x":31}})"},
      {"[[l]]\na = 1\n[[l]]\na = 2\n", R"({"l":[{"a":1},{"a":2}]})"},
      {"a.b.c = {d = 1}\n", R"({"a":{"b":{"c":{"d":1}}}})"},
      {"\"x/y\" = 1979-05-27\n", R"({"x/y":"1979-05-27"})"},
  };
  for (const Case& c : cases) EXPECT_EQ(as_json(Format::toml, c.text), c.json) << c.text;
  for (const char* wrong : {"a = \n", "a = 1\na = 2\n", "a = inf\n", "[x\n", "[?x]\n", "[[?x]]\n", "a = \"x\n"})
    EXPECT_TRUE(as_json(Format::toml, wrong).starts_with("refused at ")) << wrong;
  for (const char* stray : {"\xc3\xa9 = 1\n", "a = 1\n[[t\xef\xbf\xbd]]\n", "a = 'x' \xe2\x80\x83\n", "[ \xc3\xa9]\n", "a = 0\":[x\xcf\x8f, b = \"c\"\n"})
    EXPECT_TRUE(as_json(Format::toml, stray).starts_with("refused at ")) << stray;
  const Case inside[] = {
      {"\xef\xbb\xbf# \xc3\xa9\na = '\xc3\xa9' # \xc3\xa9\n", "{\"a\":\"\xc3\xa9\"}"},
      {"\"\xc3\xa9\" = \"\\\"\xc3\xa9\"\n", "{\"\xc3\xa9\":\"\\\"\xc3\xa9\"}"},
      {"a = \"\"\"\n'\xc3\xa9\" \\\"\"\"\"\"\nb = '''\\\xc3\xa9'''\n", "{\"a\":\"'\xc3\xa9\\\" \\\"\\\"\",\"b\":\"\\\\\xc3\xa9\"}"},
  };
  for (const Case& c : inside) EXPECT_EQ(as_json(Format::toml, c.text), c.json) << c.text;
  std::string dots = "a";
  for (int i = 0; i < 100000; ++i) dots += ".a";
  EXPECT_NE(as_json(Format::toml, dots + " = 1\n").find("a key has more than 200 parts"), std::string::npos);
  EXPECT_NE(as_json(Format::toml, "a = " + std::string(100000, '[')).find("refused at "), std::string::npos);
}

TEST(FormatsTest, AYamlConfigurationIsReadAndItsProblemsHavePlaces) {
  ReadResult good = read_text("c.yaml", R"(version: 3
timeout: 3s
endpoints:
  - endpoint: /x
    backend:
      - url_pattern: /y
        host: [http://a]
)", {}, Format::yaml);
  EXPECT_EQ(good.report.format(), "");
  ASSERT_NE(good.config, nullptr);
  EXPECT_EQ(good.config->endpoints.at(0).backends.at(0).hosts.at(0), "http://a");
  ReadResult bad = read_text("c.yaml", R"(version: 3
timeout: 3 apples
endpoints:
  - endpoint: x
    tmeout: 5s
    backend:
      - url_pattern: /y
        host: http://a/path
)", {}, Format::yaml);
  EXPECT_EQ(bad.config, nullptr);
  std::string report = bad.report.format();
  EXPECT_NE(report.find("c.yaml:2:1: error: /timeout: "), std::string::npos) << report;
  EXPECT_NE(report.find("c.yaml:5:5: warning: /endpoints/0/tmeout: "), std::string::npos) << report;
  EXPECT_NE(report.find("c.yaml:8:9: error: /endpoints/0/backend/0/host"), std::string::npos) << report;
}

TEST(FormatsTest, ATomlConfigurationIsReadAndItsProblemsHavePlaces) {
  ReadResult bad = read_text("c.toml", R"(version = 3
timeout = "3 apples"

[[endpoints]]
endpoint = "/x"

[[endpoints.backend]]
url_pattern = "/y"
host = ["http://a/path"]
)", {}, Format::toml);
  EXPECT_EQ(bad.config, nullptr);
  std::string report = bad.report.format();
  EXPECT_NE(report.find("c.toml:2:1: error: /timeout: "), std::string::npos) << report;
  EXPECT_NE(report.find("c.toml:9:9: error: /endpoints/0/backend/0/host/0: "), std::string::npos) << report;
  EXPECT_NE(read_text("c.toml", "version = \n", {}, Format::toml).report.format().find("c.toml:1:"), std::string::npos);
}

// As for JSON: any beginning is read or refused inside of the text.
TEST(FormatsTest, EveryBeginningIsReadOrRefusedInsideOfIt) {
  const std::string yaml =
      "version: 3\nbase: &b {host: [\"http://a\"], \"k\\u00e9\": 0x1f}\nendpoints:\n- endpoint: /x\n  backend:\n  - <<: *b\n    url_pattern: |\n      /y\n";
  const std::string toml =
      "version = 3\n[[endpoints]]\nendpoint = \"/x\\u00e9\"\n[[endpoints.backend]]\nurl_pattern = '/y'\nhost = [ \"http://a\" ]\n[extra_config.\"a/b\"]\nd = "
      "1979-05-27T07:32:00Z\n";
  for (Format format : {Format::yaml, Format::toml}) {
    const std::string& text = format == Format::yaml ? yaml : toml;
    for (size_t n = 0; n <= text.size(); ++n) {
      ReadResult r = read_text("c", text.substr(0, n), {}, format);
      EXPECT_EQ(r.config == nullptr, r.report.failed());
      auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
      for (const Issue& i : r.report.issues()) EXPECT_LE(i.line, lines);
    }
  }
}

}  // namespace
}  // namespace sluice::config
