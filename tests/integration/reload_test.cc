// Reload without loss: what is new is taken up, what runs is finished, what is wrong changes nothing.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

std::string simple(FakeUpstream& up, const std::string& path, const std::string& pattern = "/d") {
  return endpoint_of(path, backend_of(up.url(), pattern));
}

bool has(const std::string& text, const std::string& what) { return text.find(what) != std::string::npos; }

TEST(ReloadTest, SighupTakesANewEndpointUpOnTheSameConnection) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/old")), 2));
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/old").status, 200);
  EXPECT_EQ(client.get("/new").status, 404);
  gateway.configure(config_of(simple(up, "/new")));
  gateway.process().signal(SIGHUP);
  gateway.process().wait_for_output("generation 2 serves");
  EXPECT_EQ(client.get("/new").status, 200) << "the connection is the same";
  EXPECT_EQ(client.get("/old").status, 404);
  EXPECT_TRUE(wait_for_generations(gateway, 1));
  EXPECT_EQ(client.get("/new").status, 200);
  EXPECT_EQ(up.connections_accepted(), 1) << "and so is the pooled connection to the backend";
}

TEST(ReloadTest, ARunningRequestEndsOnTheConfigurationItBeganWith) {
  FakeUpstream up;
  up.manual("/d");
  up.on("/now", Reply::json(R"({"b":2})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d", R"("group": "old")")))));
  TestClient busy(gateway.port()), other(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  gateway.configure(config_of(endpoint_of("/x", backend_of(up.url(), "/now", R"("group": "new")"))));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(other.get("/x").body, R"({"new":{"b":2}})");
  Json status = status_of(gateway);
  ASSERT_EQ(status.at("generations").size(), 2u);
  EXPECT_EQ(status.at("generations").items()[0].at("role").str(), "draining");
  EXPECT_EQ(status.at("generations").items()[0].at("in_flight").whole(), 1);
  call.answer(Reply::json(R"({"a":1})"));
  EXPECT_EQ(busy.read().body, R"({"old":{"a":1}})");
  EXPECT_TRUE(wait_for_generations(gateway, 1));
  EXPECT_EQ(busy.get("/x").body, R"({"new":{"b":2}})") << "the next request of the connection is on the new one";
}

TEST(ReloadTest, StatusSaysWhatEachPluginCostsAndAReloadKeepsTheFigures) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/x"))));
  TestClient client(gateway.port());
  auto decoded = [&] {
    const Json status = status_of(gateway);
    int64_t calls = 0;
    for (const Json& p : status.at("cost").at("plugins").items())
      for (const Json& place : p.at("places").items())
        if (p.at("plugin").str() == "sluice.json" && place.at("interface").str() == "sluice.decoder/1" && place.at("binding").str() == "json")
          calls += place.at("hooks").at("decode").at("calls").whole();
    return calls;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_EQ(decoded(), 3);
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(client.get("/x").status, 200);
  EXPECT_EQ(decoded(), 4);
}

TEST(ReloadTest, ItSaysWhatChanged) {
  FakeUpstream up;
  const std::string kept = simple(up, "/kept"), gone = simple(up, "/gone"), changed = simple(up, "/changed");
  GatewayProcess gateway(options_of(config_of(kept + "," + gone + "," + changed)));
  Ran same = sluice_reload(gateway);
  EXPECT_EQ(same.code, 0) << same.output;
  EXPECT_TRUE(has(same.output, "nothing changed")) << same.output;
  gateway.configure(config_of(kept + "," + simple(up, "/changed", "/elsewhere") + "," + simple(up, "/fresh"), R"("cache_ttl": "1s", )"));
  Ran ran = sluice_reload(gateway);
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (const char* line : {"endpoint GET /fresh added", "endpoint GET /gone removed", "endpoint GET /changed altered: backend", "settings altered: cache_ttl"})
    EXPECT_TRUE(has(ran.output, line)) << line << "\n" << ran.output;
  EXPECT_FALSE(has(ran.output, "/kept")) << ran.output;
  gateway.process().wait_for_output("endpoint GET /gone removed");
}

TEST(ReloadTest, AWrongFileIsToldWithItsPlaceAndTheOldOneServesOn) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/x"))));
  const std::string good = read_file(gateway.config_file());
  for (const auto& [text, said] : std::vector<std::pair<std::string, std::string>>{
           {"{\"version\": 3,\n \"endpoints\": [{]}", "krakend.json:2:"},
           {"{\"version\": 3,\n \"timeout\": \"soon\"}", "/timeout"},
           {R"({"version": 3, "extra_config": {"auth/nobody": {}}})", "auth/nobody"}}) {
    gateway.folder().write("krakend.json", text);
    Ran ran = sluice_reload(gateway);
    EXPECT_EQ(ran.code, 1) << ran.output;
    EXPECT_TRUE(has(ran.output, said)) << ran.output;
    EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
    Json last = status_of(gateway).at("reload").at("last");
    EXPECT_FALSE(last.at("ok").truth());
    EXPECT_TRUE(has(last.at("error").str(), said)) << last.dump();
    gateway.process().wait_for_output(said);
  }
  std::filesystem::remove(gateway.config_file());
  Ran missing = sluice_reload(gateway);
  EXPECT_EQ(missing.code, 1);
  EXPECT_TRUE(has(missing.output, "cannot be opened")) << missing.output;
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  gateway.folder().write("krakend.json", good);
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(status_of(gateway).at("reload").at("refused").whole(), 4);
}

TEST(ReloadTest, AWorkerThatCannotStartAPluginStopsTheReload) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  PluggedGateway gateway({"misbehaving/worker_start_fails"}, config_of(simple(up, "/x")), 2);
  gateway->configure(config_of(endpoint_of("/x", backend_of(up.url(), "/d"), extra({{"misbehaving/worker-start-fails", ""}}) + ", ")));
  Ran ran = sluice_reload(*gateway.operator->());
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_TRUE(has(ran.output, "cannot start on worker")) << ran.output;
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  EXPECT_TRUE(wait_for_generations(*gateway.operator->(), 1));
}

TEST(ReloadTest, CountersOfALimitGoOnAsLongAsItIsUnchanged) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  auto limited = [&](int rate, const std::string& before = "") {
    return config_of(before + endpoint_of("/x", backend_of(up.url(), "/d"),
                                          extra({{"qos/ratelimit/router", R"("max_rate": )" + std::to_string(rate) + R"(, "every": "1h")"}}) + ", "));
  };
  GatewayProcess gateway(options_of(limited(2), 2));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  gateway.configure(limited(2, simple(up, "/first") + ","));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  Response second = get_once(gateway.port(), "/x");
  Response third = get_once(gateway.port(), "/x");
  EXPECT_EQ(third.status, 503) << "the bucket is the same, though its endpoint has moved in the file";
  EXPECT_TRUE(second.status == 200 || second.status == 503);
  gateway.configure(limited(3));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200) << "another limit is another bucket";
}

// Three endpoints of one path, which only conditions and methods tell apart.
std::string same_path(FakeUpstream& up, const std::string& block, const std::vector<std::string>& which) {
  std::string all;
  for (const std::string& more : which) all += (all.empty() ? "" : ",") + endpoint_of("/x", backend_of(up.url(), "/d"), more + block + ", ");
  return config_of(all);
}
constexpr auto kHostA = R"("match": {"host": "a.example"}, )", kHostB = R"("match": {"host": "b.example"}, )", kListed = R"("method": ["POST", "PUT"], )";

TEST(ReloadTest, EndpointsOfOnePathHaveBucketsOfTheirOwnWhereverTheyStand) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  const std::string limit = extra({{"qos/ratelimit/router", R"("max_rate": 1, "every": "1h")"}});
  GatewayProcess gateway(options_of(same_path(up, limit, {kHostA, kHostB, kListed}), 1));
  const auto get = [&](const std::string& host) { return TestClient(gateway.port()).get("/x", {{"Host", host}}).status; };
  const auto post = [&] { return TestClient(gateway.port()).post("/x", "{}").status; };
  EXPECT_EQ(get("a.example"), 200);
  EXPECT_EQ(get("a.example"), 503);
  EXPECT_EQ(post(), 200) << "nobody has asked here";
  gateway.configure(same_path(up, limit, {kListed, kHostB, kHostA}));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get("a.example"), 503) << "its bucket is empty still";
  EXPECT_EQ(post(), 503);
  EXPECT_EQ(get("b.example"), 200) << "and this one was never asked for";
  EXPECT_EQ(get("b.example"), 503);
}

TEST(ReloadTest, WhatIsHandedOverGoesToTheSameEndpointWhenOthersMoveOrGo) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  const std::string stamp = extra({{"test/stamp", ""}});
  PluggedGateway gateway({"build-a/stamp"}, same_path(up, stamp, {kHostA, kHostB, kListed}));
  const auto counted = [&](const std::string& host) { return TestClient(gateway.port()).get("/x", {{"Host", host}}).header("X-Own-Count"); };
  const auto posted = [&] { return TestClient(gateway.port()).post("/x", "{}").header("X-Own-Count"); };
  for (int i = 0; i < 4; ++i) counted("a.example");
  EXPECT_EQ(counted("a.example"), "5");
  EXPECT_EQ(counted("b.example"), "1");
  EXPECT_EQ(posted(), "1");
  gateway->configure(same_path(up, stamp, {kListed, kHostB, kHostA}));
  EXPECT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  EXPECT_EQ(counted("a.example"), "6");
  EXPECT_EQ(counted("b.example"), "2");
  EXPECT_EQ(posted(), "2");
  gateway->configure(same_path(up, stamp, {kHostB}));
  EXPECT_EQ(sluice_reload(*gateway.operator->()).code, 0);
  EXPECT_EQ(counted("b.example"), "3");
}

TEST(ReloadTest, ABreakerStaysOpen) {
  FakeUpstream up;
  up.on("/d", Reply::json("{}", 500));
  const std::string config =
      config_of(endpoint_of("/x", backend_of(up.url(), "/d", extra({{"qos/circuit-breaker", R"("interval": 60, "timeout": 600, "max_errors": 1)"}}))));
  GatewayProcess gateway(options_of(config, 2));
  for (int i = 0; i < 6; ++i) get_once(gateway.port(), "/x");
  const int calls = up.count("/d");
  EXPECT_LT(calls, 6);
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500);
  EXPECT_EQ(up.count("/d"), calls) << "the breaker was open before the reload, so nobody asks after it";
}

TEST(ReloadTest, BreakersOfEndpointsOfOnePathStayAsTheyAreWhereverTheyStand) {
  FakeUpstream up;
  const std::string breaker = extra({{"qos/circuit-breaker", R"("interval": 60, "timeout": 600, "max_errors": 1)"}});
  const auto config = [&](const std::vector<std::string>& which) {
    std::string all;
    for (const std::string& more : which) all += (all.empty() ? "" : ",") + endpoint_of("/x", backend_of(up.url(), "/d", breaker), more);
    return config_of(all);
  };
  const std::string deleting = R"("method": "DELETE", )";
  GatewayProcess gateway(options_of(config({kHostA, kHostB, kListed, deleting}), 1));
  const auto get = [&](const std::string& host) { return TestClient(gateway.port()).get("/x", {{"Host", host}}).status; };
  const auto send = [&](const std::string& method) { return TestClient(gateway.port()).request(method, "/x", {}, "{}").status; };
  const auto asks_nobody = [&](const std::function<int()>& request) {
    const int calls = up.count("/d");
    EXPECT_EQ(request(), 500);
    EXPECT_EQ(up.count("/d"), calls) << "it is open";
  };
  up.on("/d", Reply::json("{}", 500));
  for (int i = 0; i < 4; ++i) get("a.example"), send("PUT");
  up.on("/d", Reply::json("{}"));
  asks_nobody([&] { return get("a.example"); });
  asks_nobody([&] { return send("PUT"); });
  asks_nobody([&] { return send("POST"); });  // the same endpoint
  EXPECT_EQ(get("b.example"), 200) << "nothing has failed here";
  EXPECT_EQ(send("DELETE"), 200);
  for (const auto& which : {std::vector<std::string>{deleting, kListed, kHostB, kHostA}, {kHostA, deleting, kListed}, {kListed, kHostA, deleting}}) {
    gateway.configure(config(which));
    EXPECT_EQ(sluice_reload(gateway).code, 0);
    asks_nobody([&] { return get("a.example"); });
    asks_nobody([&] { return send("PUT"); });
    EXPECT_EQ(send("DELETE"), 200);
    EXPECT_EQ(get("b.example"), which.size() == 4 ? 200 : 405);
  }
}

TEST(ReloadTest, AnotherPortIsOpenedBeforeTheOldOneCloses) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/x")), 2));
  ReservedPort port;
  TestClient before(gateway.port());
  EXPECT_EQ(before.get("/x").status, 200);
  Json config = Json::parse_or_throw(read_file(gateway.config_file()), "configuration");
  config.set("port", Json::integer(port.number()));
  gateway.folder().write("krakend.json", config.dump());
  Ran ran = sluice_reload(gateway);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(get_once(port.number(), "/x").status, 200);
  EXPECT_EQ(before.get("/x").status, 200) << "connections of the old port stay";
  EXPECT_THROW(get_once(gateway.port(), "/x"), std::exception);
  EXPECT_EQ(status_of(gateway).at("listen").at("port").whole(), port.number());
}

TEST(ReloadTest, ABusyPortStopsTheReload) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/x")), 2));
  ReservedPort port;
  Fd taken = listen_on(port.number());
  Json config = Json::parse_or_throw(read_file(gateway.config_file()), "configuration");
  config.set("port", Json::integer(port.number()));
  gateway.folder().write("krakend.json", config.dump());
  Ran ran = sluice_reload(gateway);
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.output, std::to_string(port.number()))) << ran.output;
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  EXPECT_TRUE(wait_for_generations(gateway, 1));
}

TEST(ReloadTest, LimitsOfTheServerAndTheAccessLogAreTakenUp) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(simple(up, "/x"))));
  TestClient client(gateway.port());
  const Headers large{{"X-Large", std::string(8000, 'x')}};
  EXPECT_EQ(client.get("/x", large).status, 200);
  gateway.configure(R"({"version": 3, "max_header_bytes": 1000, "endpoints": [)" + simple(up, "/x") + "]}");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(client.get("/x").status, 200);
  gateway.process().wait_for_output("GET      \"/x\"");
  EXPECT_EQ(client.get("/x", large).status, 431);
}

TEST(ReloadTest, TheLogsLevelChangesWithItsBlock) {
  GatewayProcess gateway(options_of(config_of("")));
  gateway.configure(config_of("", R"("extra_config": {"router": {"disable_access_log": true}, "telemetry/logging": {"level": "ERROR", "stdout": true}}, )"));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  const int told = occurrences(gateway.log(), "generation 3 serves");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  gateway.configure(config_of(""));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  gateway.process().wait_for_output("generation 4 serves");
  EXPECT_EQ(occurrences(gateway.log(), "generation 3 serves"), told) << "information is below the level that was set";
}

// A backend that wants a certificate from whoever calls, and answers {"a":1} to everything.
class StrictBackend {
 public:
  explicit StrictBackend(const TempFolder& folder)
      : tls_{folder.path() + "/server.pem", folder.path() + "/server.key", folder.path() + "/known.pem"},
        server_{[](ConnectionServer::Connection& c) {
                  for (std::string in;;) {
                    while (in.find("\r\n\r\n") == std::string::npos) {
                      const std::string more = c.wire->read_some();
                      if (more.empty()) return;
                      in += more;
                    }
                    in.clear();
                    c.wire->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
                  }
                },
                [](int, const std::string&) {}, &tls_} {}  // clients that are refused are what is tested
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server_.port()); }

 private:
  TlsServerContext tls_;
  ConnectionServer server_;
};

// A self-signed certificate and its key, NAME.pem and NAME.key.
void make_certificate(const TempFolder& folder, const std::string& name) {
  const Ran ran = run_program({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                               "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder.path() + "/" + name + ".key", "-out",
                               folder.path() + "/" + name + ".pem"});
  ASSERT_EQ(ran.code, 0) << ran.output;
}

TEST(ReloadTest, CertificatesAreReadAgainThoughTheConfigurationIsTheSame) {
  TempFolder folder;
  for (const char* name : {"server", "known", "stranger"}) make_certificate(folder, name);
  StrictBackend backend(folder);
  auto install = [&](const std::string& from, const std::string& to) {
    for (const char* ending : {".pem", ".key"}) {
      std::filesystem::copy_file(folder.path() + "/" + from + ending, folder.path() + "/new");
      std::filesystem::rename(folder.path() + "/new", folder.path() + "/" + to + ending);
    }
  };
  install("stranger", "client");
  install("server", "authority");
  GatewayProcess gateway(options_of(config_of(
      endpoint_of("/x", backend_of(backend.url(), "/d")),
      R"("client_tls": {"disable_system_ca_pool": true, "ca_certs": [")" + folder.path() + R"(/authority.pem"], "client_certs": [{"certificate": ")" +
          folder.path() + R"(/client.pem", "private_key": ")" + folder.path() + R"(/client.key"}]}, )")));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << "the backend does not know this client";
  install("known", "client");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})") << "its new certificate is shown";
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
  install("stranger", "authority");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << "no connection from before is used for a server that is not trusted any more";
}

TEST(ReloadTest, WatchedFilesReloadByThemselves) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions o = options_of(config_of(simple(up, "/old")));
  o.arguments = {"--watch"};
  GatewayProcess gateway(std::move(o));
  gateway.configure(config_of(simple(up, "/new")));
  gateway.process().wait_for_output("Reload (watch): generation 2 serves");
  EXPECT_EQ(get_once(gateway.port(), "/new").status, 200);
}

TEST(ReloadTest, FilesThatTheConfigurationNamesAreWatchedToo) {
  TempFolder folder;
  for (const char* name : {"first", "second"}) make_certificate(folder, name);
  const auto put = [&](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(folder.path() + "/" + from, folder.path() + "/new");
    std::filesystem::rename(folder.path() + "/new", folder.path() + "/" + to);
  };
  for (const char* to : {"authority.pem", "client.pem", "clients.pem"}) put("first.pem", to);
  put("first.key", "client.key");
  FakeUpstream up;
  const std::string in = folder.path() + "/";
  GatewayOptions o = options_of(config_of(simple(up, "/x"),
      R"("client_tls": {"disable_system_ca_pool": true, "ca_certs": [")" + in + R"(authority.pem"], "client_certs": [{"certificate": ")" + in +
          R"(client.pem", "private_key": ")" + in + R"(client.key"}]}, "tls": {"keys": [{"public_key": ")" + in + R"(first.pem", "private_key": ")" + in +
          R"(first.key"}], "enable_mtls": true, "disable_system_ca_pool": true, "ca_certs": [")" + in + R"(clients.pem"]}, )"));
  o.arguments = {"--watch"};
  GatewayProcess gateway(std::move(o));
  int generation = 1;
  for (const char* to : {"authority.pem", "clients.pem"}) {
    put("second.pem", to);
    gateway.process().wait_for_output("Reload (watch): generation " + std::to_string(++generation) + " serves");
  }
}

TEST(ReloadTest, ARenewedClientCertificateIsNoticedAndShown) {
  TempFolder folder;
  for (const char* name : {"server", "known", "stranger"}) make_certificate(folder, name);
  StrictBackend backend(folder);
  const std::string in = folder.path() + "/";
  const auto install = [&](const std::string& name) {  // both in one file, so that it is one change
    folder.write("new", read_file(in + name + ".pem") + read_file(in + name + ".key"));
    std::filesystem::rename(in + "new", in + "client.pem");
  };
  install("stranger");
  GatewayOptions o = options_of(config_of(endpoint_of("/x", backend_of(backend.url(), "/d")),
      R"("client_tls": {"disable_system_ca_pool": true, "ca_certs": [")" + in + R"(server.pem"], "client_certs": [{"certificate": ")" + in +
          R"(client.pem", "private_key": ")" + in + R"(client.pem"}]}, )"));
  o.arguments = {"--watch"};
  GatewayProcess gateway(std::move(o));
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 500) << "the backend does not know this client";
  install("known");
  gateway.process().wait_for_output("Reload (watch): generation 2 serves");
  EXPECT_EQ(get_once(gateway.port(), "/x").body, R"({"a":1})");
}

TEST(ReloadTest, AnotherKeyForThePluginsLockIsNoticedAndJudgesTheNextReload) {
  const PluginFolder plugins{{}};
  TempFolder keys;
  const std::string in = keys.path() + "/";
  for (const char* name : {"ours", "theirs"})
    for (const std::vector<std::string>& make : {std::vector<std::string>{"genpkey", "-algorithm", "ed25519", "-out", in + name + ".key"},
                                                 {"pkey", "-in", in + name + ".key", "-pubout", "-out", in + name + ".pub"}}) {
      std::vector<std::string> argv{"openssl"};
      argv.insert(argv.end(), make.begin(), make.end());
      const Ran ran = run_program(argv);
      ASSERT_EQ(ran.code, 0) << ran.output;
    }
  const Ran locked = run_program({gateway_binary(), "plugins", "lock", "--key", in + "ours.key", plugins.path()});
  ASSERT_EQ(locked.code, 0) << locked.output;
  const auto install = [&](const std::string& name) {
    std::filesystem::copy_file(in + name + ".pub", in + "new");
    std::filesystem::rename(in + "new", in + "key.pub");
  };
  install("ours");
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayOptions o = options_of(config_of(simple(up, "/x"), R"("plugin": {"public_key": ")" + in + R"(key.pub"}, )"));
  o.arguments = {"--watch", "--plugins", plugins.path()};
  GatewayProcess gateway(std::move(o));
  install("theirs");
  gateway.process().wait_for_output("Reload (watch) refused");
  gateway.process().wait_for_output("not signed by the key of " + in + "key.pub");
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  install("ours");
  gateway.process().wait_for_output("Reload (watch): generation ");
  EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
}

TEST(ReloadTest, AGenerationThatDoesNotEndIsNamedAndKept) {
  FakeUpstream up;
  up.manual("/d");
  GatewayOptions o = options_of(config_of(simple(up, "/x")));
  o.arguments = {"--drain-grace", "0"};
  GatewayProcess gateway(std::move(o));
  TestClient busy(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  gateway.process().wait_for_output("Generation 1 was replaced 0 s ago and still has requests");
  EXPECT_EQ(status_of(gateway).at("generations").items()[0].at("role").str(), "stuck");
  call.answer(Reply::json("{}"));
  EXPECT_EQ(busy.read().status, 200);
  gateway.process().wait_for_output("Generation 1 has ended after all");
}

TEST(ReloadTest, StoppingWhileAnOldGenerationDrainsFinishesItsRequests) {
  FakeUpstream up;
  up.manual("/d");
  GatewayProcess gateway(options_of(config_of(simple(up, "/x")), 2));
  TestClient busy(gateway.port());
  busy.send_request("GET", "/x");
  auto call = up.wait_for_request("/d");
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  gateway.terminate();
  gateway.process().wait_for_output("Signal intercepted");
  call.answer(Reply::json(R"({"a":1})"));
  EXPECT_EQ(busy.read().body, R"({"a":1})");
  EXPECT_EQ(gateway.wait_for_exit(), 0);
}

TEST(ReloadTest, ASlowClientGetsItsWholeAnswerFromTheOldGeneration) {
  FakeUpstream up;
  const std::string large(8 << 20, 'x');
  up.on("/d", Reply{200, {{"Content-Type", "application/json"}}, R"({"a":")" + large + "\"}"});
  GatewayProcess gateway(options_of(config_of(simple(up, "/x"))));
  TestClient slow(gateway.port());
  slow.send_request("GET", "/x");
  slow.read_head();
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  size_t size = 0;
  for (std::string piece; !(piece = slow.next_piece()).empty();) size += piece.size();
  EXPECT_EQ(size, large.size() + 8);
  EXPECT_TRUE(wait_for_generations(gateway, 1));
}

TEST(ReloadTest, UnderLoadNothingIsLost) {
  FakeUpstream up;
  up.tolerate_disconnects();  // calls for clients that leave are given up
  up.on("/a", Reply::json(R"({"a":1})"));
  up.on("/b", Reply::json(R"({"b":2})"));
  auto config = [&](int n) {
    return config_of(endpoint_of("/x", backend_of(up.url(), "/a") + "," + backend_of(up.url(), "/b"), extra({{"test/stamp", ""}}) + ", ") + "," +
                     simple(up, "/n" + std::to_string(n), "/a"));
  };
  PluggedGateway plugged({"build-a/stamp"}, config(0), 2);
  GatewayProcess& gateway = *plugged.operator->();
  Load load(gateway.port(), 8, "/x", [](const Response& r) { return r.status == 200 && r.body == R"({"a":1,"b":2})"; });
  for (int i = 1; i <= 15; ++i) {
    load.wait_for(20);
    TestClient{gateway.port()}.send_request("GET", "/x");  // and leaves
    gateway.configure(config(i % 2));
    Ran ran = sluice_reload(gateway);
    ASSERT_EQ(ran.code, 0) << ran.output;
  }
  load.end();
  EXPECT_EQ(load.bad(), 0);
  EXPECT_EQ(load.lost(), 0);
  EXPECT_GT(load.answers(), 300);
  EXPECT_TRUE(wait_for_generations(gateway, 1));
  EXPECT_EQ(status_of(gateway).at("reload").at("done").whole(), 15);
  expect_each_request_done(gateway, "/x");
}

}  // namespace
}  // namespace sluice::test
