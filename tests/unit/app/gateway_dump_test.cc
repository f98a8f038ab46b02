#include "core/app/gateway_dump.h"

#include <gtest/gtest.h>

#include "core/config/reader.h"

namespace sluice::app {
namespace {

std::string dump(const std::string& text, int detail, std::map<std::string, std::string> environment = {}) {
  config::ReadOptions options;
  options.environment = std::move(environment);
  auto read = config::read_text("c.json", text, options);
  if (!read.config) return "refused: " + read.report.format();
  return dump_config(*read.config, detail, "  ");
}

#define EXPECT_HAS(text, part) EXPECT_NE(std::string{text}.find(part), std::string::npos) << "wanted: " << (part) << "\ngot: " << (text)
#define EXPECT_HAS_NOT(text, part) EXPECT_EQ(std::string{text}.find(part), std::string::npos) << "not wanted: " << (part) << "\ngot: " << (text)

TEST(DumpTest, ComponentsHaveTheNamesOfTheFile) {
  const std::string text = R"({"version": 3, "extra_config": {"github_com/luraproject/lura/router/gin": {"auto_options": true}, "a/b": {}},
    "endpoints": [{"endpoint": "/x", "extra_config": {"proxy": {"sequential": true}, "github.com/devopsfaith/krakend/proxy": {"sequential": false}},
                   "backend": [{"host": "a", "url_pattern": "/", "extra_config": {"github.com/devopsfaith/krakend/http": {}}}]}]})";
  const std::string one = dump(text, 1);
  EXPECT_HAS(one, "  2 components\n    a/b\n    github_com/luraproject/lura/router/gin\n");
  EXPECT_HAS(one, "    2 components\n      github.com/devopsfaith/krakend/proxy\n      proxy\n");  // the one that does not count, too
  EXPECT_HAS(one, "        1 components\n          github.com/devopsfaith/krakend/http\n");
  EXPECT_HAS_NOT(one, "backend/http");
  EXPECT_HAS_NOT(one, "\n    router\n");
  const std::string two = dump(text, 2);
  EXPECT_HAS(two, "github.com/devopsfaith/krakend/proxy: {\"sequential\":false}\n      proxy: {\"sequential\":true}\n");
}

TEST(DumpTest, DefaultHostsAreThoseThatCountHoweverTheyAreWritten) {
  const std::string end = R"("endpoints": [{"endpoint": "/x", "backend": [{"url_pattern": "/"}]}]})";
  for (const char* hosts : {R"("host": ["http://a", "b:81/"])", R"("Host": ["a/", "b:81"])"}) {
    const std::string text = dump("{\"version\": 3, " + std::string{hosts} + ", " + end, 1);
    EXPECT_HAS(text, "  Default hosts: [\"http://a\",\"http://b:81\"]\n");
    EXPECT_HAS(text, "Hosts: [http://a http://b:81]\n");
  }
  EXPECT_HAS(dump(R"({"version": 3, "host": "a", )" + end, 1), "  Default hosts: [\"http://a\"]\n");
  EXPECT_HAS(dump(R"({"version": 3, )" + end, 1, {{"KRAKEND_HOST", "a"}}), "  Default hosts: [\"http://a\"]\n");
  EXPECT_HAS_NOT(dump(R"({"version": 3, "endpoints": []})", 3), "Default hosts");
}

TEST(DumpTest, DefaultTimeoutAndRestRulesAreThoseThatCount) {
  for (const auto& [root, timeout, rest] : std::vector<std::array<std::string, 3>>{{"", "2s", "on"},
                                                                                   {R"(, "timeout": "1500ms", "disable_rest": true)", "1500ms", "off"},
                                                                                   {R"(, "Timeout": "3s", "disable_rest": 1)", "3s", "off"},
                                                                                   {R"(, "disable_rest": "false")", "2s", "on"}}) {
    const std::string text = R"({"version": 3, "endpoints": [])" + root + "}";
    EXPECT_HAS_NOT(dump(text, 1), "Default timeout");
    EXPECT_HAS(dump(text, 2), "  Default timeout: " + timeout + "\n");
    EXPECT_HAS_NOT(dump(text, 2), "REST rules");
    EXPECT_HAS(dump(text, 3), "  REST rules: " + rest + "\n");
  }
  EXPECT_HAS(dump(R"({"version": 3, "endpoints": []})", 2, {{"SLUICE_TIMEOUT", "7s"}}), "  Default timeout: 7s\n");
}

TEST(DumpTest, TlsIsShownWithItsFlags) {
  EXPECT_HAS_NOT(dump(R"({"version": 3, "endpoints": []})", 3), "TLS");
  EXPECT_HAS(dump(R"({"version": 3, "endpoints": [], "tls": {"disabled": true, "public_key": "a.pem", "private_key": "a.key"}})", 1), "  TLS: disabled\n");
  const std::string text = R"({"version": 3, "endpoints": [],
    "tls": {"public_key": "a.pem", "private_key": "a.key", "min_version": "TLS12", "enable_mtls": true, "ca_certs": ["ca.pem"], "disable_system_ca_pool": true},
    "client_tls": {"allow_insecure_connections": true, "client_certs": [{"certificate": "c.pem", "private_key": "c.key"}]}})";
  const std::string one = dump(text, 1);
  EXPECT_HAS(one, "  TLS: enabled, versions TLS12 to TLS13, mTLS on, keys [a.pem+a.key], CAs of the system off, CA files [ca.pem]\n");
  EXPECT_HAS(one, "  Client TLS: verification off, versions TLS13 to TLS13, certificates [c.pem+c.key], CAs of the system on\n");
  EXPECT_HAS_NOT(one, "curves");
  EXPECT_HAS(dump(text, 3), "  TLS curves: 25, 24, 23; ciphers: ");
}

TEST(DumpTest, BackendsAreShownWithTheirFiltersAndDiscovery) {
  const std::string text = R"({"version": 3, "endpoints": [{"endpoint": "/x", "input_headers": ["a", "b"], "backend": [
    {"host": "a", "url_pattern": "/", "sd_scheme": "https", "input_headers": ["a"], "input_query_strings": ["page"]}, {"host": "a", "url_pattern": "/"}]}]})";
  const std::string one = dump(text, 1), two = dump(text, 2);
  EXPECT_HAS_NOT(one, "Service discovery");
  EXPECT_HAS(two, "        Headers: [A]\n        Query strings: [page]\n        Service discovery: (default), scheme https\n");
  EXPECT_HAS(two, "        Encoding: (default)\n        Service discovery: (default), scheme http\n");
}

}  // namespace
}  // namespace sluice::app
