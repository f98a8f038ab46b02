// The worked examples of the SDK in the running gateway, each with its own gateway.json, as its README says. They were built by
// build_examples.cmake through the installed SDK.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "sluice/plugin.h"
#include "tests/integration/gateway_config.h"
#include "tests/support/json.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

const fs::path kSources = fs::path{SLC_EXAMPLES_FOLDER} / "prefix/share/sluice/examples";
const fs::path kBuilt = fs::path{SLC_EXAMPLES_FOLDER} / "build";

std::vector<std::string> all_examples() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator{kSources}) {
    if (fs::exists(entry.path() / "CMakeLists.txt")) out.push_back(entry.path().filename());
  }
  std::sort(out.begin(), out.end());
  return out;
}
bool is_built(const std::string& name) { return fs::exists(kBuilt / name / (name + ".so")); }

// Why a Rust example cannot be tested here; empty: it can.
std::string missing_for(const std::string& name) {
  if (is_built(name) || !name.ends_with("-rust")) return {};
  return "cargo is not installed, so " + name + " was not built";
}

// The gateway with the example's own sample. Its folder of plugins and its backends become those of the test.
class Example {
 public:
  Example(const std::string& name, const std::map<std::string, std::string>& places) : process_{options(name, places)} {}
  GatewayProcess* operator->() { return &process_; }
  uint16_t port() const { return process_.port(); }

 private:
  static GatewayOptions options(const std::string& name, const std::map<std::string, std::string>& places) {
    std::string config = read_file(kSources / name / "gateway.json");
    EXPECT_NE(config.find("\"./build\""), config.npos);
    config = replace_all(config, "./build", (kBuilt / name).string());
    for (const auto& [from, to] : places) {
      EXPECT_NE(config.find(from), config.npos) << from;
      config = replace_all(config, from, to);
    }
    GatewayOptions o = options_of(config);
    o.binary = fs::path{SLC_EXAMPLES_FOLDER} / "prefix/bin/sluice";  // as installed, with the plugins installed beside it
    o.arguments = {"--strict"};  // a name that nobody serves ends the gateway: it runs because the plugin was loaded
    return o;
  }
  GatewayProcess process_;
};

constexpr auto kBackend = "http://127.0.0.1:8081";
constexpr auto kSecondBackend = "http://127.0.0.1:8082";

TEST(ExamplesTest, AreAllThereWithEverythingAnExampleHas) {
  const auto all = all_examples();
  EXPECT_GE(all.size(), 9u);
  const std::string index = read_file(kSources / "README.md");
  for (const std::string& name : all) {
    EXPECT_NE(index.find("[" + name + "]"), index.npos) << name << " is not in the table of README.md";
    for (const char* file : {"README.md", "gateway.json", "tests"}) EXPECT_TRUE(fs::exists(kSources / name / file)) << name << "/" << file;
    EXPECT_TRUE(missing_for(name).size() || is_built(name)) << name;
  }
}

// Editors read schema.json, the gateway reads what is in the plugin.
TEST(ExamplesTest, SchemaFilesSayWhatThePluginsSay) {
  for (const std::string& name : all_examples()) {
    if (!is_built(name)) continue;
    SCOPED_TRACE(name);
    void* image = dlopen((kBuilt / name / (name + ".so")).c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(image, nullptr) << dlerror();
    const auto* entry = static_cast<const slc_entry*>(dlsym(image, "slc_plugin_entry"));
    ASSERT_NE(entry, nullptr);
    ASSERT_EQ(entry->binding_count, 1u);
    const fs::path file = kSources / name / "schema.json";
    ASSERT_EQ(fs::exists(file), entry->bindings[0].schema != nullptr);
    if (entry->bindings[0].schema) {
      EXPECT_EQ(Json::parse_or_throw(entry->bindings[0].schema, name), Json::parse_or_throw(read_file(file), name));
    }
    dlclose(image);
  }
}

TEST(ExamplesTest, HeaderStampC) {
  FakeUpstream up;
  up.on("/hello", Reply::json(R"({"hello":"world"})"));
  Example gateway("header-stamp-c", {{kBackend, up.url()}});
  Response r = get_once(gateway.port(), "/hello");
  EXPECT_EQ(r.status, 200);
  EXPECT_EQ(r.header("X-Served-By"), "eu-1");
}

TEST(ExamplesTest, ApiKey) {
  FakeUpstream up;
  up.on("/orders", [](const FakeUpstream::Request& r) { return Reply::json(R"({"for":")" + r.headers.get("X-Consumer") + "\"}"); });
  Example gateway("api-key", {{kBackend, up.url()}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/orders").status, 401);
  EXPECT_EQ(client.get("/orders", {{"X-Api-Key", "wrong key"}}).status, 401);
  EXPECT_EQ(up.count(), 0);
  EXPECT_EQ(client.get("/orders", {{"X-Api-Key", "swordfish"}, {"X-Consumer", "admin"}}).body, R"({"for":"marx"})");
}

TEST(ExamplesTest, TokenIntrospection) {
  FakeUpstream up;
  up.on("/introspect", [](const FakeUpstream::Request& r) {
    return Reply::json(r.body == "token=good" ? R"({"active":true})" : r.body == "token=ill" ? "oops" : R"({"active":false})");
  });
  up.on("/account", Reply::json(R"({"balance":1})"));
  Example gateway("token-introspection", {{kBackend, up.url()}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/account").status, 401);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.get("/account", {{"Authorization", "Bearer good"}}).status, 200);
  EXPECT_EQ(up.count("/introspect"), 1) << "a verdict is remembered";
  EXPECT_EQ(client.get("/account", {{"Authorization", "Bearer bad"}}).status, 401);
  EXPECT_EQ(client.get("/account", {{"Authorization", "Bearer ill"}}).status, 503);
  EXPECT_EQ(up.count("/account"), 3);
}

TEST(ExamplesTest, MaskDigits) {
  FakeUpstream up;
  up.on("/payments", Reply::json(R"({"card":"4111111111111111","amount":12.50})"));
  up.manual("/statement");
  Example gateway("mask-digits", {{kBackend, up.url()}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/payments").body, R"({"card":"************1111","amount":12.50})");
  // A body that comes in pieces leaves in pieces, and a number that is cut in two is one number.
  client.send_request("GET", "/statement");
  auto call = up.wait_for_request("/statement");
  call.send_head(200, {{"Content-Type", "text/plain"}}, 44);
  call.send_piece("first 41111111");
  Response head = client.read_head();
  EXPECT_EQ(head.header("Content-Length"), "44") << "nothing gets longer or shorter";
  std::string body = client.next_piece();
  EXPECT_EQ(body, "first ");
  call.send_piece("11111111, second 5500000000000");
  while (body.size() < 24) body += client.next_piece();
  call.send_piece("");
  call.finish();
  while (body.size() < 44) body += client.next_piece();
  EXPECT_EQ(body, "first ************1111, second *********0000");
}

TEST(ExamplesTest, CsvEncoder) {
  FakeUpstream up;
  up.on("/products", Reply::json(R"([{"id":1,"name":"pen","price":1.10},{"id":2,"name":"ink, black"}])"));
  Example gateway("csv-encoder", {{kBackend, up.url()}});
  Response r = get_once(gateway.port(), "/products.csv");
  EXPECT_EQ(r.header("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(r.body, "id,name,price\r\n1,pen,1.10\r\n2,\"ink, black\",\r\n");
}

TEST(ExamplesTest, FileDiscovery) {
  FakeUpstream a, b;
  a.on("/orders", Reply::json(R"({"from":"a"})"));
  b.on("/orders", Reply::json(R"({"from":"b"})"));
  TempFolder folder;
  const auto replace = [&](std::string_view text) {  // as its README says: another file in its place
    fs::rename(folder.write("new", text), folder.path() + "/orders.hosts");
  };
  replace(a.url() + "\n");
  Example gateway("file-discovery", {{"./orders.hosts", folder.path() + "/orders.hosts"}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/orders").body, R"({"from":"a"})");
  replace(b.url() + " 5 # moved\n");
  gateway->process().wait_for_output("1 hosts, list 2");
  EXPECT_EQ(client.get("/orders").body, R"({"from":"b"})");
  replace("nonsense\n");
  gateway->process().wait_for_output("line 1: expected a host such as");
  EXPECT_EQ(client.get("/orders").body, R"({"from":"b"})") << "the last good list stays";
  replace("");
  gateway->process().wait_for_output("the file names no host");
  EXPECT_EQ(client.get("/orders").body, R"({"from":"b"})");
  replace(a.url() + "\n");
  gateway->process().wait_for_output("1 hosts, list 3");
  EXPECT_EQ(client.get("/orders").body, R"({"from":"a"})");
}

TEST(ExamplesTest, FileDiscoverySampleIsAGoodList) {
  FakeUpstream up;
  up.on("/orders", Reply::json("{}"));
  TempFolder folder;
  const std::string list = replace_all(replace_all(read_file(kSources / "file-discovery/orders.hosts"), kBackend, up.url()), kSecondBackend, up.url());
  Example gateway("file-discovery", {{"./orders.hosts", folder.write("orders.hosts", list)}});
  EXPECT_EQ(get_once(gateway.port(), "/orders").status, 200);  // without a good list the gateway does not start
}

TEST(ExamplesTest, WeightedBalancer) {
  FakeUpstream a, b;
  a.on("/orders", Reply::json("{}"));
  b.on("/orders", Reply::json("{}"));
  Example gateway("weighted-balancer", {{kBackend, a.url()}, {kSecondBackend, b.url()}});
  TestClient client(gateway.port());  // one connection: one worker
  for (int i = 0; i < 40; ++i) EXPECT_EQ(client.get("/orders").status, 200);
  EXPECT_EQ(a.count("/orders"), 30);
  EXPECT_EQ(b.count("/orders"), 10);
}

// A server on a Unix socket that answers each call with the request line.
class SocketServer {
 public:
  explicit SocketServer(const std::string& path) : listener_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::snprintf(a.sun_path, sizeof a.sun_path, "%s", path.c_str());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    thread_ = std::thread{[this] { run(); }};
  }
  ~SocketServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void run() {
    for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      Fd connection{fd};
      std::string head;
      char c;
      while (head.find("\r\n\r\n") == head.npos && ::read(fd, &c, 1) == 1) head += c;
      const std::string body = R"({"asked":")" + head.substr(0, head.find("\r\n")) + "\"}";
      const std::string text = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
      EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
  }
  Fd listener_;
  std::thread thread_;
};

TEST(ExamplesTest, UnixSocket) {
  TempFolder folder;
  const std::string path = folder.path() + "/orders.sock";
  Example gateway("unix-socket", {{"./orders.sock", path}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/orders").status, 500) << "nobody listens yet";
  gateway->process().wait_for_output("unix socket: " + path + ": No such file or directory");
  {
    SocketServer server(path);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(client.get("/orders").body, R"({"asked":"GET /orders HTTP/1.0"})");
  }
  EXPECT_EQ(client.get("/orders").status, 500);
}

TEST(ExamplesTest, ACallOverAUnixSocketEndsWithItsClient) {
  TempFolder folder;
  const std::string path = folder.path() + "/orders.sock";
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  std::snprintf(a.sun_path, sizeof a.sun_path, "%s", path.c_str());
  Fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
  ASSERT_EQ(::listen(listener.get(), 16), 0);
  Example gateway("unix-socket", {{"./orders.sock", path}});
  TestClient client(gateway.port());
  client.send_request("GET", "/orders");
  Fd connection{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  client.reset();
  char text[4096];
  ssize_t n;
  while ((n = ::read(connection.get(), text, sizeof text)) > 0) {
  }
  EXPECT_EQ(n, 0) << "the plugin hangs up";
}

TEST(ExamplesTest, Hedging) {
  FakeUpstream up;
  up.manual("/prices");
  Example gateway("hedging", {{kBackend, up.url()}});
  TestClient client(gateway.port());
  client.send_request("GET", "/prices");
  auto slow = up.wait_for_request("/prices"), second = up.wait_for_request("/prices");
  second.answer(Reply::json(R"({"price":1})"));
  EXPECT_EQ(client.read().body, R"({"price":1})");
  slow.wait_for_disconnect();
}

TEST(ExamplesTest, PathGuardRust) {
  if (const std::string why = missing_for("path-guard-rust"); !why.empty()) GTEST_SKIP() << why;
  FakeUpstream up;
  up.on("/orders", Reply::json("{}"));
  Example gateway("path-guard-rust", {{kBackend, up.url()}});
  TestClient client(gateway.port());
  EXPECT_EQ(client.get("/orders").status, 200);
  Response r = client.get("/internal/orders");
  EXPECT_EQ(r.status, 403);
  EXPECT_EQ(r.body, R"({"message":"not for everybody"})");
  EXPECT_EQ(client.get("/nowhere.bak").status, 403) << "paths that nobody serves are guarded as well";
  EXPECT_EQ(client.get("/nowhere").status, 404);
}

}  // namespace
}  // namespace sluice::test
