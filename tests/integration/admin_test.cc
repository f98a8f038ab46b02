// The admin socket, and the tools that ask a running gateway over it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <set>

#include "tests/integration/reloading.h"

namespace sluice::test {
namespace {

TEST(AdminTest, OnlyItsUserMayOpenTheSocketAndItGoesWithTheGateway) {
  std::string path;
  TempFolder folder;
  {
    GatewayOptions o = options_of(config_of(""));
    path = folder.path() + "/door";
    o.arguments = {"--admin", path};
    GatewayProcess gateway(std::move(o));
    struct stat st{};
    ASSERT_EQ(::lstat(path.c_str(), &st), 0);
    EXPECT_TRUE(S_ISSOCK(st.st_mode));
    EXPECT_EQ(st.st_mode & 0777u, 0600u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(AdminTest, AFileLeftOverIsTakenOverAndALivingOneIsNot) {
  GatewayProcess first(options_of(config_of("")));
  GatewayOptions o = options_of(config_of(""));
  o.arguments = {"--admin", first.admin()};
  EXPECT_THROW(GatewayProcess{std::move(o)}, Failure);
  TempFolder folder;
  const std::string path = folder.path() + "/left";
  {
    Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    path.copy(a.sun_path, sizeof a.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  }
  GatewayOptions again = options_of(config_of(""));
  again.arguments = {"--admin", path};
  GatewayProcess second(std::move(again));
  EXPECT_EQ(run_program({gateway_binary(), "status", "--admin", path}).code, 0);
}

TEST(AdminTest, StatusIsATableForPeople) {
  GatewayProcess gateway(options_of(config_of("")));
  Ran ran = run_program({gateway_binary(), "status", "--admin", gateway.admin()});
  EXPECT_EQ(ran.code, 0) << ran.output;
  for (const char* text : {"sluice ", "serving", "krakend.json", "GENERATION", "current"})
    EXPECT_TRUE(contains(ran.output, text)) << text << "\n" << ran.output;
  EXPECT_EQ(status_of(gateway).at("pid").whole(), gateway.pid());
}

// One request over the admin socket; the whole answer, head and body.
std::string ask_socket(const std::string& path, const std::string& request) {
  Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  path.copy(a.sun_path, sizeof a.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) throw Failure("nobody at " + path);
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) throw Failure("send");
  std::string out;
  char block[4096];
  for (ssize_t n; (n = ::read(fd.get(), block, sizeof block)) > 0;) out.append(block, static_cast<size_t>(n));
  return out;
}

TEST(AdminTest, MetricsAreTheTextFormatOfPrometheusWithTheFiguresOfStatus) {
  FakeUpstream up;
  up.on("/d", Reply::json(R"({"a":1})"));
  GatewayProcess gateway(options_of(config_of(endpoint_of("/x", backend_of(up.url(), "/d")))));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get_once(gateway.port(), "/x").status, 200);
  gateway.configure(config_of(endpoint_of("/x", backend_of(up.url(), "/d")) + "," + endpoint_of("/y", backend_of(up.url(), "/d"))));
  EXPECT_EQ(sluice_reload(gateway).code, 0);
  gateway.configure(R"({"version": 2, "endpoints": []})");
  EXPECT_EQ(sluice_reload(gateway).code, 1);
  EXPECT_TRUE(wait_for_generations(gateway, 1));
  TestClient kept(gateway.port());
  EXPECT_EQ(kept.get("/y").status, 200);

  const std::string answer = ask_socket(gateway.admin(), "GET /metrics HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(contains(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n")) << answer;
  const std::string text = answer.substr(answer.find("\r\n\r\n") + 3);  // from a line's end on
  for (const char* line :
       {"# HELP sluice_requests_total Requests that began\n# TYPE sluice_requests_total counter\nsluice_requests_total{worker=\"0\"} 4\n",
        "# TYPE sluice_connections gauge\n", "\nsluice_workers 1\n", "\nsluice_workers_silent 0\n", "\nsluice_generation 2\n",
        "\nsluice_generations{role=\"current\"} 1\n", "\nsluice_generations{role=\"draining\"} 0\n", "\nsluice_requests_in_flight{role=\"draining\"} 0\n",
        "\nsluice_endpoints 2\n", "\nsluice_reloads_total{result=\"done\"} 1\n", "\nsluice_reloads_total{result=\"refused\"} 1\n",
        "\nsluice_last_reload_ok 0\n", "\nsluice_backend_connections_opened_total{worker=\"0\"} 1\n",
        "\nsluice_backend_connections_reused_total{worker=\"0\"} 3\n", "\nsluice_info{version=\""})
    EXPECT_TRUE(contains(text, line)) << line << text;
  // Every line is a comment or a sample, and every name has one type.
  std::set<std::string> types;
  for (size_t at = 1; at < text.size(); at = text.find('\n', at) + 1) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    if (line.starts_with("# TYPE ")) EXPECT_TRUE(types.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    else EXPECT_TRUE(line.starts_with("# HELP ") || line.find(' ') != line.npos) << line;
  }
  EXPECT_GT(types.size(), 15u);
  Ran ran = run_program({gateway_binary(), "metrics", "--admin", gateway.admin()});
  EXPECT_EQ(ran.code, 0);
  EXPECT_TRUE(ran.output.starts_with("# HELP sluice_info ")) << ran.output;
  EXPECT_TRUE(
      ask_socket(gateway.admin(), "POST /metrics HTTP/1.1\r\nHost: sluice\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

TEST(AdminTest, TheOnlyGatewayOfTheUserIsFoundByItsPid) {
  TempFolder session;
  std::filesystem::permissions(session.path(), std::filesystem::perms::owner_all);
  GatewayOptions o = options_of(config_of(""));
  o.environment["XDG_RUNTIME_DIR"] = session.path();
  o.arguments = {"--admin", ""};
  GatewayProcess gateway(std::move(o));
  const std::map<std::string, std::string> here{{"XDG_RUNTIME_DIR", session.path()}};
  Ran ran = run_program({gateway_binary(), "status", "--pid", std::to_string(gateway.pid())}, kLimit, here);
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_TRUE(std::filesystem::exists(session.path() + "/sluice-" + std::to_string(gateway.pid()) + ".sock"));
  Ran nobody = run_program({gateway_binary(), "reload", "--pid", "1"}, kLimit, here);
  EXPECT_EQ(nobody.code, 1);
  EXPECT_TRUE(contains(nobody.output, "no gateway with the process id 1")) << nobody.output;
}

TEST(AdminTest, WrongUsageIsToldWithTheHelp) {
  for (const char* command : {"reload", "status", "metrics"}) {
    Ran ran = run_program({gateway_binary(), command, "--pid", "none"});
    EXPECT_EQ(ran.code, 255) << ran.output;
    EXPECT_TRUE(contains(ran.output, "Error: invalid argument \"none\" for --pid")) << ran.output;
    EXPECT_TRUE(contains(ran.output, std::string{"Usage:\n  sluice "} + command + " [flags]\n")) << ran.output;
    EXPECT_TRUE(contains(ran.output, "      --pid N ")) << ran.output;
    EXPECT_EQ(run_program({gateway_binary(), command, "--pid", "1", "--unknown"}).code, 255);
    EXPECT_EQ(run_program({gateway_binary(), command, "surplus"}).code, 255);
  }
}

}  // namespace
}  // namespace sluice::test
