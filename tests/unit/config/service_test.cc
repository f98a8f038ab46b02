// The root object: types, defaults, TLS, environment.
#include <boost/json/value.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/config/support.h"

namespace sluice::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ServiceTest, DefaultsOfAnEmptyConfiguration) {
  auto c = good(root(""));
  EXPECT_EQ(c->file, "c.json");
  EXPECT_EQ(c->port, 8080);
  EXPECT_EQ(c->listen_ip, "");
  EXPECT_TRUE(c->endpoints.empty());
  EXPECT_EQ(c->max_header_bytes, 1048576u);
  EXPECT_EQ(c->max_idle_connections_per_host, 250u);
  EXPECT_EQ(c->dns_cache_ttl, seconds{30});
  EXPECT_EQ(c->dialer_fallback_delay, milliseconds{300});
  EXPECT_EQ(c->dialer_keep_alive, seconds{15});
  EXPECT_FALSE(c->tls || c->client_tls || c->plugin_folder || c->debug_endpoint || c->use_h2c);
  EXPECT_EQ(c->at.value, c->tree.get());
}

TEST(ServiceTest, WeakTypesAreConverted) {
  auto c = good(
      R"({"version": "3", "port": "8081", "debug_endpoint": "true", "echo_endpoint": 1, "sequential_start": "F", "name": 1.5,
    "max_header_bytes": "0x100", "disable_keep_alives": "", "disable_compression": 0.0, "read_timeout": 2000000, "host": "a"})");
  EXPECT_EQ(c->port, 8081);
  EXPECT_TRUE(c->debug_endpoint);
  EXPECT_TRUE(c->echo_endpoint);
  EXPECT_FALSE(c->sequential_start);
  EXPECT_EQ(c->name, "1.5");
  EXPECT_EQ(c->max_header_bytes, 256u);
  EXPECT_EQ(c->read_timeout.count(), 2000000) << "a number counts nanoseconds";
  EXPECT_FALSE(c->disable_keep_alives);
  EXPECT_TRUE(read(R"({"version": 3.7})").config);
  EXPECT_TRUE(read(R"({"version": 3, "port": null, "tls": null, "endpoints": null, "extra_config": []})").config);
}

TEST(ServiceTest, ANumberThatIsHardlyMeantInNanosecondsIsWarnedOf) {
  const auto r = read(root(R"("read_timeout":2000)"));
  ASSERT_TRUE(r.config);
  EXPECT_EQ(r.config->read_timeout.count(), 2000);
  EXPECT_HAS(r.report.format(),
             "/read_timeout: a number without a unit counts nanoseconds: 2000 of them are less than a millisecond; did you mean \"2000ms\"?");
  for (const char* fine : {"0", "1000000", "3000000000", "\"2us\""}) EXPECT_EQ(read(root("\"read_timeout\":" + std::string{fine})).report.format(), "") << fine;
}

TEST(ServiceTest, NumbersInTextsFollowGoLiterals) {
  std::pair<const char*, int> cases[] = {{"8081", 8081}, {"0x1F90", 8080}, {"0o17620", 8080}, {"017620", 8080},
                                         {"0b11", 3},    {"+5", 5},        {"", 8080}};
  for (auto [text, port] : cases) EXPECT_EQ(good(root("\"port\":\"" + std::string{text} + "\""))->port, port) << text;
  for (auto text : {"abc", "8.5", "0x", "1e3", "--1", "+-1", " 1", "1_0", "99999999999999999999"})
    EXPECT_HAS(problems(root("\"port\":\"" + std::string{text} + "\"")), "/port: expected a whole number") << text;
}

TEST(ServiceTest, WrongTypesAreLocated) {
  EXPECT_EQ(problems("{\"version\": 3,\n \"extra_config\": \"x\"}"),
            "c.json:2:2: error: /extra_config: expected an object, found the text \"x\"\n");
  EXPECT_HAS(problems(root("\"port\":[]")), "/port: expected a whole number, found a list");
  EXPECT_HAS(problems(root("\"port\":-1")), "/port: expected a number from 0 to 65535, found the number -1");
  EXPECT_HAS(problems(root("\"port\":65536")), "/port: expected a number from 0 to 65535");
  EXPECT_HAS(problems(root("\"port\":18446744073709551615")), "/port: expected a whole number");
  EXPECT_HAS(problems(root("\"debug_endpoint\":\"yes\"")),
             "/debug_endpoint: expected true or false, found the text \"yes\"");
  EXPECT_HAS(problems(root("\"host\":[[]]")), "/host/0: expected a text, found a list");
  EXPECT_HAS(problems(root("\"host\":[null]")), "/host/0: expected a text, found null");
  EXPECT_HAS(problems(root("\"timeout\":true")), "/timeout: expected a duration");
  EXPECT_HAS(problems(root("\"endpoints\":[[]]")), "/endpoints/0: expected an object, found a list");
  EXPECT_HAS(problems(root("\"tls\":5")), "/tls: expected an object, found the number 5");
}

TEST(ServiceTest, KeysMatchInAnyCaseAndTheExactOneWins) {
  auto c = good(
      R"({"VERSION": 3, "PORT": 1000, "Name": "x", "name": "y", "Endpoints": [{"ENDPOINT": "/a", "Backend": {"URL_Pattern": "/b"}}]})");
  EXPECT_EQ(c->port, 1000);
  EXPECT_EQ(c->name, "y");
  ASSERT_EQ(c->endpoints.size(), 1u);
  EXPECT_EQ(c->endpoints[0].path, "/a");
  EXPECT_EQ(c->endpoints[0].backends[0].at.pointer, "/Endpoints/0/Backend");
}

TEST(ServiceTest, NearlyKnownKeysAreSuggestedAndRemarksAreSilent) {
  EXPECT_EQ(problems(root("\"prot\":1")),
            "c.json:1:14: warning: /prot: unknown key, ignored (did you mean \"port\"?)\n");
  EXPECT_EQ(problems(root("\"made_up\":1,\"$schema\":1,\"_port\":1,\"@comment\":1,\"//"
                          "port\":1,\"comment\":1,\"__port\":2,\"#port\":1")),
            "");
  EXPECT_EQ(problems(root("\"\":1,\"" + std::string(5000, 'p') + "\":1")), "");
  EXPECT_HAS(problems(endpoint("\"endpoint\":\"/x\",\"tiemout\":1,\"backend\":[{\"url_patern\":\"/\"}]")),
             "/endpoints/0/tiemout: unknown key, ignored (did you mean \"timeout\"?)");
  EXPECT_HAS(problems(endpoint("\"endpoint\":\"/x\",\"backend\":[{\"url_patern\":\"/\"}]")),
             "/endpoints/0/backend/0/url_patern: unknown key, ignored (did you mean \"url_pattern\"?)");
}

TEST(ServiceTest, AsynchronousAgentsAreRefusedHoweverTheyAreWritten) {
  const std::string agents[] = {R"("async_agent":[{"name":"a"}])", R"("async_agent":[{}])", R"("async_agent":{"name":"a"})", R"("Async_Agent":[{"name":"a"}])",
                                R"("ASYNC_AGENT":{"name":"a"})"};
  for (const std::string& one : agents) {
    ReadResult r = read(root(one));
    EXPECT_EQ(r.config, nullptr) << one;
    EXPECT_HAS(r.report.format(), "c.json:1:14: error: /" + one.substr(1, 11) + ": this version has no asynchronous agents");
  }
  EXPECT_HAS(problems(root(R"("async_agent":"a")")), "/async_agent: expected a list of objects, found the text \"a\"");
  for (auto none : {"[]", "{}", "null"}) good(root(R"("async_agent":)" + std::string{none}));
}

TEST(ServiceTest, VersionMustBeThree) {
  EXPECT_EQ(problems("{}"), "c.json:1:1: error: unsupported version: found 0, expected \"version\": 3\n");
  EXPECT_HAS(problems(R"({"version": "x"})"), "/version: expected a whole number");
  EXPECT_EQ(problems(R"({"version": "x"})").find("unsupported"), std::string::npos) << "one problem, one message";
}

TEST(ServiceTest, ListenIpIsALiteralAddress) {
  for (auto ip : {"0.0.0.0", "127.0.0.1", "::", "::1", "fe80::1", "::ffff:1.2.3.4"})
    EXPECT_EQ(good(root("\"listen_ip\":\"" + std::string{ip} + "\""))->listen_ip, ip);
  for (auto ip : {"localhost", "[::1]", "1.2.3", "1.2.3.4:80", "1.2.3.04"})
    EXPECT_HAS(problems(root("\"listen_ip\":\"" + std::string{ip} + "\"")), "/listen_ip: expected an IPv4 or IPv6");
}

TEST(ServiceTest, TimeoutsOfTheServerInherit) {
  auto c = good(root(R"("read_timeout":"5s")"));
  EXPECT_EQ(c->read_header_timeout, seconds{5});
  EXPECT_EQ(c->idle_timeout, seconds{5});
  c = good(root(R"("read_header_timeout":"5s")"));
  EXPECT_EQ(c->read_timeout.count(), 0);
  EXPECT_EQ(c->idle_timeout, seconds{5});
  c = good(root(
      R"("read_timeout":"1s","read_header_timeout":"2s","idle_timeout":"3s","write_timeout":"4s","max_shutdown_wait_time":"5s")"));
  EXPECT_EQ(c->read_timeout, seconds{1});
  EXPECT_EQ(c->read_header_timeout, seconds{2});
  EXPECT_EQ(c->idle_timeout, seconds{3});
  EXPECT_EQ(c->write_timeout, seconds{4});
  EXPECT_EQ(c->max_shutdown_wait, seconds{5});
}

TEST(ServiceTest, ZeroMeansTheDefault) {
  auto c = good(root(
      R"("port":0,"max_header_bytes":0,"max_idle_connections_per_host":0,"dialer_fallback_delay":"0s","dialer_keep_alive":0,"dns_cache_ttl":"0s")"));
  EXPECT_EQ(c->port, 8080);
  EXPECT_EQ(c->max_header_bytes, 1048576u);
  EXPECT_EQ(c->max_idle_connections_per_host, 250u);
  EXPECT_EQ(c->dialer_fallback_delay, milliseconds{300});
  EXPECT_EQ(c->dialer_keep_alive, seconds{15});
  EXPECT_EQ(good(root(R"("dns_cache_ttl":"999ms")"))->dns_cache_ttl, seconds{30});
  EXPECT_EQ(good(root(R"("dns_cache_ttl":"1s")"))->dns_cache_ttl, seconds{1});
}

TEST(ServiceTest, ClientSettingsAreRead) {
  auto c = good(root(
      R"("disable_compression":true,"max_idle_connections":7,"max_idle_connections_per_host":8,"idle_connection_timeout":"1s",
    "response_header_timeout":"2s","expect_continue_timeout":"3s","dialer_timeout":"4s","dialer_fallback_delay":"-1s","dialer_keep_alive":"6s")"));
  EXPECT_TRUE(c->disable_compression);
  EXPECT_EQ(c->max_idle_connections, 7u);
  EXPECT_EQ(c->max_idle_connections_per_host, 8u);
  EXPECT_EQ(c->idle_connection_timeout, seconds{1});
  EXPECT_EQ(c->response_header_timeout, seconds{2});
  EXPECT_EQ(c->expect_continue_timeout, seconds{3});
  EXPECT_EQ(c->dialer_timeout, seconds{4});
  EXPECT_EQ(c->dialer_fallback_delay, -seconds{1});
  EXPECT_EQ(c->dialer_keep_alive, seconds{6});
  EXPECT_FALSE(c->disable_keep_alives);
  EXPECT_TRUE(good(root(R"("max_idle_connections_per_host":-1)"))->disable_keep_alives)
      << "a negative limit keeps no connection";
}

TEST(ServiceTest, ServerTlsHasTheReferencesDefaults) {
  auto c = good(root(
      R"("tls":{"keys":[{"public_key":"a.pem","private_key":"a.key"}],"public_key":"b.pem","private_key":"b.key","enable_mtls":true,
    "ca_certs":"ca.pem","disable_system_ca_pool":1,"prefer_server_cipher_suites":true})"));
  ASSERT_TRUE(c->tls);
  EXPECT_EQ(c->tls->min, 0x0304);
  EXPECT_EQ(c->tls->max, 0x0304);
  EXPECT_EQ(c->tls->curves, (std::vector<int>{25, 24, 23}));
  EXPECT_EQ(c->tls->ciphers.size(), 6u);
  ASSERT_EQ(c->tls->keys.size(), 2u) << "the old single pair comes last";
  EXPECT_EQ(c->tls->keys[1].public_key, "b.pem");
  EXPECT_TRUE(c->tls->enable_mtls && c->tls->disable_system_ca_pool);
  EXPECT_EQ(c->tls->ca_certs, std::vector<std::string>{"ca.pem"});
}

TEST(ServiceTest, ServerTlsWithoutKeysIsRefusedUnlessDisabled) {
  EXPECT_HAS(problems(root(R"("tls":{})")), "/tls: expected keys with a public_key and a private_key");
  EXPECT_HAS(problems(root(R"("tls":{"public_key":"a"})")),
             "/tls: expected both public_key and private_key, private_key is missing");
  EXPECT_HAS(problems(root(R"("tls":{"keys":[{"private_key":"a"}]})")),
             "/tls/keys/0: expected both public_key and private_key, public_key is missing");
  EXPECT_FALSE(good(root(R"("tls":{"disabled":true})"))->tls);
}

TEST(ServiceTest, TlsVersionsAreNamed) {
  std::pair<const char*, int> cases[] = {
      {"SSL3.0", 0x300}, {"TLS10", 0x301}, {"TLS11", 0x302}, {"TLS12", 0x303}, {"TLS13", 0x304}};
  for (auto [name, number] : cases)
    EXPECT_EQ(good(root("\"client_tls\":{\"min_version\":\"" + std::string{name} + "\"}"))->client_tls->min, number);
  auto r = read(root(R"("client_tls":{"min_version":"1.2"})"));
  ASSERT_TRUE(r.config);
  EXPECT_EQ(r.config->client_tls->min, 0x304);
  EXPECT_HAS(r.report.format(), "/client_tls/min_version: unknown TLS version \"1.2\", taken as \"TLS13\"");
  EXPECT_HAS(problems(root(R"("client_tls":{"max_version":"TLS12"})")),
             "/client_tls/max_version: is below min_version");
}

TEST(ServiceTest, ClientTlsIsReadAndMadeByTheInsecureFlag) {
  auto c = good(root(
      R"("client_tls":{"allow_insecure_connections":true,"ca_certs":["a"],"client_certs":[{"certificate":"c","private_key":"k"}],
    "curve_preferences":[29,"23"],"cipher_suites":[4865]})"));
  ASSERT_TRUE(c->client_tls);
  EXPECT_TRUE(c->client_tls->allow_insecure);
  EXPECT_EQ(c->client_tls->client_certs.at(0), std::make_pair(std::string{"c"}, std::string{"k"}));
  EXPECT_EQ(c->client_tls->curves, (std::vector<int>{29, 23}));
  EXPECT_EQ(c->client_tls->ciphers, std::vector<int>{4865});
  c = good(root(R"("allow_insecure_connections":true)"));
  ASSERT_TRUE(c->client_tls);
  EXPECT_TRUE(c->client_tls->allow_insecure);
  EXPECT_EQ(c->client_tls->min, 0x304);
  EXPECT_TRUE(good(root(R"("client_tls":[])"))->client_tls) << "an empty list is an empty object";
  EXPECT_HAS(problems(root(R"("client_tls":{"client_certs":[{"certificate":"c"}]})")),
             "/client_tls/client_certs/0: expected certificate and private_key");
  EXPECT_HAS(problems(root(R"("client_tls":{"cipher_suites":[70000]})")),
             "/client_tls/cipher_suites/0: expected a number from 0 to 65535");
}

TEST(ServiceTest, PluginFolderAndPatternAreOptional) {
  auto c = good(root(R"("plugin":{"folder":"/p","pattern":".so"})"));
  EXPECT_EQ(c->plugin_folder, "/p");
  EXPECT_EQ(c->plugin_pattern, ".so");
  EXPECT_FALSE(good(root(R"("plugin":{})"))->plugin_folder);
}

TEST(ServiceTest, TrialsOfPlugins) {
  auto c = good(root(R"("plugin":{"trial":{"acme.x":{},"y.so":{"share":12.5,"max_error_rate":0,"min_requests":7,"duration":"10m"}}})"));
  ASSERT_EQ(c->trials.size(), 2u);
  EXPECT_EQ(c->trials[0].plugin, "acme.x");
  EXPECT_EQ(c->trials[0].share, 5);
  EXPECT_EQ(c->trials[0].max_error_rate, 1);
  EXPECT_EQ(c->trials[0].min_requests, 100u);
  EXPECT_EQ(c->trials[0].duration.count(), 0);
  EXPECT_EQ(c->trials[1].pointer, "/plugin/trial/y.so");
  EXPECT_EQ(c->trials[1].share, 12.5);
  EXPECT_EQ(c->trials[1].max_error_rate, 0);
  EXPECT_EQ(c->trials[1].min_requests, 7u);
  EXPECT_EQ(c->trials[1].duration, std::chrono::minutes{10});
}

TEST(ServiceTest, WrongTrialsAreToldWithTheirPlace) {
  for (const auto& [block, pointer] : std::vector<std::pair<std::string, std::string>>{
           {R"({"x":5})", "/plugin/trial/x"},
           {R"({"x":{"share":0}})", "/plugin/trial/x/share"},
           {R"({"x":{"share":101}})", "/plugin/trial/x/share"},
           {R"({"x":{"share":"5"}})", "/plugin/trial/x/share"},
           {R"({"x":{"max_error_rate":-1}})", "/plugin/trial/x/max_error_rate"},
           {R"({"x":{"min_requests":0}})", "/plugin/trial/x/min_requests"}}) {
    auto read = read_text("c.json", root(R"("plugin":{"trial":)" + block + "}"), {});
    ASSERT_TRUE(read.report.failed()) << block;
    EXPECT_EQ(read.report.issues().at(0).pointer, pointer);
  }
}

TEST(ServiceTest, TheLimitOfTheWatchdogIsANumberOfMilliseconds) {
  EXPECT_FALSE(good(root(R"("plugin":{})"))->plugin_watchdog_ms);
  EXPECT_EQ(good(root(R"("plugin":{"watchdog_ms":250})"))->plugin_watchdog_ms, 250u);
  EXPECT_EQ(good(root(R"("plugin":{"watchdog_ms":0})"))->plugin_watchdog_ms, 0u);
  EXPECT_HAS(problems(root(R"("plugin":{"watchdog_ms":-1})")), "/plugin/watchdog_ms");
  EXPECT_FALSE(good(root(R"("plugin":{})"))->plugin_rehearsal_ms);
  EXPECT_EQ(good(root(R"("plugin":{"rehearsal_ms":0})"))->plugin_rehearsal_ms, 0u);
  EXPECT_HAS(problems(root(R"("plugin":{"rehearsal_ms":"30s"})")), "/plugin/rehearsal_ms");
}

TEST(ServiceTest, BlocksOfPluginsStayJsonAndTheCoresOwnAreApart) {
  auto c = good(root(R"("extra_config":{"telemetry/x":{"a":1},"router":{"return_error_msg":true},"b/c":null})"));
  ASSERT_EQ(c->at.extra.size(), 2u);
  EXPECT_EQ(c->at.extra[0].name, "telemetry/x");
  EXPECT_EQ(c->at.extra[0].pointer, "/extra_config/telemetry~1x");
  EXPECT_EQ(c->at.extra[0].value->at("a").as_int64(), 1);
  ASSERT_EQ(c->at.own.size(), 1u);
  EXPECT_EQ(c->at.own[0].name, "router");
  EXPECT_TRUE(c->router.return_error_msg);
}

TEST(EnvironmentTest, VariablesOverrideRootKeysThroughWeakTypes) {
  auto c = good(root(R"("port":1,"endpoints":[{"endpoint":"/x","backend":[{}]}])"), {{"KRAKEND_PORT", "8090"},
                                                                                     {"KRAKEND_TIMEOUT", "3s"},
                                                                                     {"KRAKEND_HOST", "a.b"},
                                                                                     {"KRAKEND_DEBUG_ENDPOINT", "true"},
                                                                                     {"SLUICE_CACHE_TTL", "9s"}});
  EXPECT_EQ(c->port, 8090);
  EXPECT_TRUE(c->debug_endpoint);
  EXPECT_EQ(c->endpoints[0].timeout, seconds{3});
  EXPECT_EQ(c->endpoints[0].cache_ttl, seconds{9});
  EXPECT_EQ(c->endpoints[0].backends[0].hosts, std::vector<std::string>{"http://a.b"});
}

TEST(EnvironmentTest, OwnPrefixWinsAndOthersAreIgnored) {
  EXPECT_EQ(good(root(""), {{"KRAKEND_PORT", "1"}, {"SLUICE_PORT", "2"}})->port, 2);
  EXPECT_EQ(good(root(""), {{"krakend_PORT", "1"},
                            {"PORT", "1"},
                            {"KRAKEND", "1"},
                            {"KRAKEND_", "1"},
                            {"KRAKEND_PROT", "1"},
                            {"SLUICE_PLUGINS", "/p"},
                            {"KRAKEND_.PORT", "1"}})
                ->port,
            8080);
}

TEST(EnvironmentTest, DotsDescendIntoObjects) {
  EXPECT_FALSE(good(root(R"("tls":{"min_version":"TLS12"})"), {{"KRAKEND_TLS.DISABLED", "true"}})->tls);
  auto c = good(root(""), {{"SLUICE_PLUGIN.FOLDER", "/p"}});
  EXPECT_EQ(c->plugin_folder, "/p");
}

TEST(EnvironmentTest, MessagesNameTheVariable) {
  EXPECT_EQ(problems("{\"version\": 3,\n \"port\": 1}", {{"KRAKEND_PORT", "abc"}}),
            "c.json:2:2: error: /port: expected a whole number, found the text \"abc\" (set by the environment "
            "variable KRAKEND_PORT)\n");
  EXPECT_HAS(
      problems(root(""), {{"KRAKEND_EXTRA_CONFIG", "x"}}),
      "/extra_config: expected an object, found the text \"x\" (set by the environment variable KRAKEND_EXTRA_CONFIG)");
  EXPECT_HAS(problems(root(""), {{"KRAKEND_ENDPOINTS", "x"}}), "/endpoints: expected a list of objects, found the text \"x\"");
}

TEST(EnvironmentTest, FlagsWinOverTheEnvironment) {
  ReadOptions options;
  options.environment = {{"KRAKEND_PORT", "1"}};
  options.port = 0;
  options.debug_endpoint = true;
  auto r = read_text("c.json", root(""), options);
  ASSERT_TRUE(r.config);
  EXPECT_EQ(r.config->port, 0) << "a port of the command line may be 0: any free one";
  EXPECT_TRUE(r.config->debug_endpoint);
}

TEST(EnvironmentTest, ProcessEnvironmentIsReadable) { EXPECT_FALSE(process_environment().empty()); }

TEST(FileTest, MissingFilesSayWhy) {
  auto r = read_file("/nonexistent/c.json", {});
  EXPECT_FALSE(r.config);
  EXPECT_EQ(r.report.format(), "/nonexistent/c.json: error: cannot be opened: No such file or directory\n");
  EXPECT_HAS(read_file("/x/c.YAML", {}).report.format(), "cannot be opened") << "the ending is matched as it stands";
  EXPECT_HAS(read_file("/", {}).report.format(), "cannot be read");
}

TEST(FileTest, AnyOtherEndingIsJson) {
  auto path = std::filesystem::path{testing::TempDir()} / ("sluice_config_test_" + std::to_string(getpid()) + ".conf");
  std::ofstream{path} << "{\"version\": 3,\n \"port\": 9}";
  auto r = read_file(path.string(), {});
  std::filesystem::remove(path);
  ASSERT_TRUE(r.config) << r.report.format();
  EXPECT_EQ(r.config->port, 9);
  Issue issue{Issue::Severity::error, "/port", "from a plugin", {}};
  r.source.locate(issue);
  EXPECT_EQ(issue.line, 2u);
}

TEST(RouterOptionsTest, DefaultsWithoutABlock) {
  RouterOptions r = good(root(""))->router;
  EXPECT_TRUE(r.redirect_trailing_slash && r.redirect_fixed_path && r.method_not_allowed && r.forwarded_by_client_ip);
  EXPECT_EQ(r.health_path, "/__health");
  EXPECT_EQ(r.remote_ip_headers, (std::vector<std::string>{"X-Forwarded-For", "X-Real-IP"}));
  EXPECT_EQ(r.trusted_proxies.size(), 2u);
  EXPECT_FALSE(r.error_body_404);
}

TEST(RouterOptionsTest, EveryKeyIsRead) {
  auto c = good(root(
      R"("extra_config":{"router":{"disable_redirect_trailing_slash":true,"disable_redirect_fixed_path":true,"disable_handle_method_not_allowed":true,
    "remove_extra_slash":true,"auto_options":true,"return_error_msg":true,"disable_health":true,"health_path":"/h","disable_access_log":true,"logger_skip_paths":["/x"],
    "disable_path_decoding":true,"hide_version_header":true,"forwarded_by_client_ip":false,"remote_ip_headers":["x-a"],"trusted_proxies":["127.0.0.1","10.0.0.0/8","::1/128"],
    "app_engine":true,"max_multipart_memory":1,"use_h2c":true,"error_body":{"404":{"z":1,"a":"<&>"},"405":[1,1.0,1e21,1e-7,0.5,-120,12345678901234567890]}}})"));
  RouterOptions r = c->router;
  EXPECT_FALSE(r.redirect_trailing_slash || r.redirect_fixed_path || r.method_not_allowed || r.forwarded_by_client_ip);
  EXPECT_TRUE(r.remove_extra_slash && r.auto_options && r.return_error_msg && r.disable_health &&
              r.disable_access_log && r.disable_path_decoding && r.hide_version_header && r.app_engine && r.use_h2c &&
              c->use_h2c);
  EXPECT_EQ(r.health_path, "/h");
  EXPECT_EQ(r.logger_skip_paths, std::vector<std::string>{"/x"});
  EXPECT_EQ(r.remote_ip_headers, std::vector<std::string>{"X-A"});
  EXPECT_EQ(r.trusted_proxies.size(), 3u);
  EXPECT_EQ(r.error_body_404, R"({"a":"\u003c\u0026\u003e","z":1})");
  EXPECT_EQ(r.error_body_405, "[1,1,1e+21,1e-7,0.5,-120,12345678901234567000]");
}

TEST(RouterOptionsTest, WrongTypesAreErrorsNotSilence) {
  std::string text = problems(root(
      R"("extra_config":{"router":{"auto_options":1,"return_error_msg":"true","logger_skip_paths":"/x","health_path":"h","error_body":[]}})"));
  EXPECT_HAS(text, "/extra_config/router/auto_options: expected true or false, found the number 1");
  EXPECT_HAS(text, "/extra_config/router/return_error_msg: expected true or false, found the text \"true\"");
  EXPECT_HAS(text, "/extra_config/router/logger_skip_paths: expected a list of texts");
  EXPECT_HAS(text, "/extra_config/router/health_path: expected a path that begins with '/'");
  EXPECT_HAS(text, "/extra_config/router/error_body: expected an object, found a list");
  EXPECT_FALSE(read(root(R"("extra_config":{"router":true})")).config);
  EXPECT_HAS(problems(root(R"("extra_config":{"router":{"return_error_mesg":true}})")),
             "did you mean \"return_error_msg\"?");
}

TEST(RouterOptionsTest, UnusableProxyMeansThatNobodyIsTrusted) {
  auto r = read(root(R"("extra_config":{"router":{"trusted_proxies":["10.0.0.0/8","nonsense","10.0.0.0/33"]}})"));
  ASSERT_TRUE(r.config);
  EXPECT_TRUE(r.config->router.trusted_proxies.empty());
  EXPECT_HAS(r.report.format(), "/extra_config/router/trusted_proxies/1: expected an address or a network");
}

TEST(RouterOptionsTest, OldNameIsReadAndTheShortOneWins) {
  EXPECT_TRUE(good(root(R"("extra_config":{"github_com/luraproject/lura/router/gin":{"hide_version_header":true}})"))
                  ->router.hide_version_header);
  auto c = good(root(
      R"("extra_config":{"router":{"app_engine":true},"github_com/luraproject/lura/router/gin":{"hide_version_header":true}})"));
  EXPECT_TRUE(c->router.app_engine);
  EXPECT_FALSE(c->router.hide_version_header);
  EXPECT_EQ(c->at.own.size(), 1u);
}

}  // namespace
}  // namespace sluice::config
