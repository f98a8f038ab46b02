// Routing in the running gateway: wildcards, suffixes, hosts, headers, lists of methods; and what `sluice routes` says of it.
#include <gtest/gtest.h>

#include "tests/integration/gateway_config.h"
#include "tests/support/markdown.h"
#include "tests/support/text.h"

namespace sluice::test {
namespace {

struct RoutesTest : ::testing::Test {
  FakeUpstream up;
  std::unique_ptr<GatewayProcess> gateway;
  RoutesTest() {
    up.on("*", [](const FakeUpstream::Request& r) { return Reply{200, {{"Content-Type", "text/plain"}}, r.method + " " + r.target + " " + r.body}; });
  }
  // An endpoint that passes everything through to a path of the upstream.
  std::string tree(const std::string& path, const std::string& pattern, const std::string& more = "") {
    return no_op_endpoint(path, backend_of(up.url(), pattern), more.empty() ? "" : more + ", ");
  }
  void start(const std::string& endpoints, const std::string& root = "") {
    gateway = std::make_unique<GatewayProcess>(options_of(config_of(endpoints, root)));
  }
  Response ask(std::string_view method, std::string_view path, const Headers& headers = {}, std::string_view body = {}) {
    return TestClient{gateway->port()}.request(method, path, headers, body);
  }
  // What the backend got, or the status.
  std::string got(std::string_view method, std::string_view path, const Headers& headers = {}, std::string_view body = {}) {
    Response r = ask(method, path, headers, body);
    return r.status == 200 ? r.body : std::to_string(r.status);
  }
};

TEST_F(RoutesTest, AWholeTreeIsPassedOnWithEveryMethod) {
  start(tree("/files/{rest...}", "/data/{rest}", R"("method": "ANY", "input_headers": ["*"], "input_query_strings": ["*"])"));
  EXPECT_EQ(got("GET", "/files/a/b.txt?x=1"), "GET /data/a/b.txt?x=1 ");
  EXPECT_EQ(got("POST", "/files/a", {}, "body"), "POST /data/a body");
  EXPECT_EQ(got("PATCH", "/files/a/", {}, "p"), "PATCH /data/a/ p");
  EXPECT_EQ(got("DELETE", "/files/a//b"), "DELETE /data/a//b ");
  EXPECT_EQ(got("OPTIONS", "/files/"), "OPTIONS /data/ ");
  EXPECT_EQ(ask("HEAD", "/files/x").status, 200);
  EXPECT_EQ(up.requests().back().method, "HEAD");
  EXPECT_EQ(got("GET", "/files/with%20blank/%C3%A9"), "GET /data/with%20blank/%C3%A9 ");
  Response r = ask("GET", "/files");
  EXPECT_EQ(r.status, 301);
  EXPECT_EQ(r.header("Location"), "/files/");
  EXPECT_EQ(got("GET", "/file"), "404");
}

TEST_F(RoutesTest, AWildcardLetsNothingClimbNorBreakOutOfThePath) {
  start(tree("/files/*", "/data/{*}"));
  for (const char* path : {"/files/..", "/files/../x", "/files/a/../../x", "/files/a/..", "/files/./a", "/files/%2e%2e/x", "/files/a%2F..%2Fb"}) {
    Response r = ask("GET", path);
    EXPECT_EQ(r.status, 400) << path;
    EXPECT_EQ(r.body, "error: path traversal") << path;
  }
  for (const char* path : {"/files/a%3Fb", "/files/x/a%23b", "/files/x/%2541"}) {
    Response r = ask("GET", path);
    EXPECT_EQ(r.status, 400) << path;
    EXPECT_EQ(r.body, "error: encoded url params") << path;
  }
  EXPECT_EQ(ask("GET", "/files/x/100%25").body, "error: invalid URL escape \"%\"");
  EXPECT_EQ(up.count(), 0);
  EXPECT_EQ(got("GET", "/files/..a/b..c/..."), "GET /data/..a/b..c/... ");
  EXPECT_EQ(got("GET", "/files/a%2Fb"), "GET /data/a/b ");
}

TEST_F(RoutesTest, TheLongerPrefixAndTheMoreLiteralPathLead) {
  start(tree("/*", "/root/{*}") + "," + tree("/a/{rest...}", "/a-rest/{rest}") + "," + tree("/a/b/{rest...}", "/ab-rest/{rest}") + "," +
        tree("/a/{x}/c", "/axc/{x}") + "," + tree("/a/b", "/ab") + "," + tree("/a/{name}:go", "/go/{name}"));
  EXPECT_EQ(got("GET", "/x/y"), "GET /root/x/y ");
  EXPECT_EQ(got("GET", "/"), "GET /root/ ");
  EXPECT_EQ(got("GET", "/a/x/y"), "GET /a-rest/x/y ");
  EXPECT_EQ(got("GET", "/a/b/x"), "GET /ab-rest/x ");
  EXPECT_EQ(got("GET", "/a/b"), "GET /ab ");
  EXPECT_EQ(got("GET", "/a/q/c"), "GET /axc/q ");
  EXPECT_EQ(got("GET", "/a/q/d"), "GET /a-rest/q/d ") << "back from the parameter";
  EXPECT_EQ(got("GET", "/a/b:go"), "GET /go/b ");
  EXPECT_EQ(got("GET", "/a/:go"), "GET /a-rest/:go ") << "a parameter is not empty";
}

TEST_F(RoutesTest, HostsAndHeadersChooseAmongEndpointsOfOnePath) {
  start(tree("/a", "/plain") + "," + tree("/a", "/api", R"("match": {"host": ["api.example.com", "*.internal"]})") + "," +
        tree("/a", "/v2", R"("match": {"headers": {"X-Version": "2*"}})") + "," +
        tree("/a", "/api-json", R"("match": {"host": "api.example.com", "headers": {"Accept": "*json*"}})") + "," +
        tree("/admin/{rest...}", "/admin/{rest}", R"("match": {"host": "admin.example.com"})"));
  EXPECT_EQ(got("GET", "/a"), "GET /plain ");
  EXPECT_EQ(got("GET", "/a", {{"Host", "api.example.com"}}), "GET /api ");
  EXPECT_EQ(got("GET", "/a", {{"Host", "API.Example.com:1234"}}), "GET /api ");
  EXPECT_EQ(got("GET", "/a", {{"Host", "x.y.internal"}}), "GET /api ");
  EXPECT_EQ(got("GET", "/a", {{"Host", "internal"}}), "GET /plain ");
  EXPECT_EQ(got("GET", "/a", {{"x-version", "2.1"}}), "GET /v2 ");
  EXPECT_EQ(got("GET", "/a", {{"X-Version", "1"}}), "GET /plain ");
  EXPECT_EQ(got("GET", "/a", {{"Host", "api.example.com"}, {"X-Version", "2"}}), "GET /api ") << "the host goes before headers";
  EXPECT_EQ(got("GET", "/a", {{"Host", "api.example.com"}, {"Accept", "text/html"}, {"Accept", "application/json"}}), "GET /api-json ");
  EXPECT_EQ(got("GET", "/a", {{"X-Forwarded-Host", "api.example.com"}}), "GET /plain ") << "anybody can send that";
  EXPECT_EQ(got("GET", "/admin/x"), "404");
  EXPECT_EQ(got("GET", "/admin"), "404") << "no redirect to what is not there for this host";
  EXPECT_EQ(got("POST", "/admin/x"), "404");
  EXPECT_EQ(got("GET", "/admin/x", {{"Host", "admin.example.com"}}), "GET /admin/x ");
  EXPECT_EQ(got("GET", "/admin", {{"Host", "admin.example.com"}}), "301");
  EXPECT_EQ(got("POST", "/admin/x", {{"Host", "admin.example.com"}}), "405");
  // The target's own authority wins over the header (RFC 9112 §3.2.2).
  EXPECT_EQ(got("GET", "http://api.example.com/a", {{"Host", "other"}}), "GET /api ");
}

TEST_F(RoutesTest, AnyGivesWayToEndpointsThatNameTheMethod) {
  start(tree("/a", "/any", R"("method": "ANY")") + "," + tree("/a", "/put", R"("method": "PUT")") + "," +
        tree("/l", "/list", R"("method": ["GET", "POST"])") + "," + tree("/fixed", "/fixed", R"("method": "ANY")"));
  EXPECT_EQ(got("GET", "/a"), "GET /any ");
  EXPECT_EQ(got("PUT", "/a"), "PUT /put ");
  EXPECT_EQ(got("DELETE", "/a"), "DELETE /any ");
  EXPECT_EQ(got("GET", "/l"), "GET /list ");
  EXPECT_EQ(got("POST", "/l"), "POST /list ");
  Response r = ask("PUT", "/l");
  EXPECT_EQ(r.status, 405);
  EXPECT_EQ(r.header("Allow"), "GET, POST");
  EXPECT_EQ(got("PROPFIND", "/a"), "405") << "ANY is a list of known methods";
}

TEST_F(RoutesTest, OptionsListsTheMethodsOfAPathWhateverItsParametersAreCalled) {
  gateway = std::make_unique<GatewayProcess>(
      options_of(R"({"version": 3, "extra_config": {"router": {"auto_options": true, "disable_access_log": true}}, "endpoints": [)" + tree("/a/{x}", "/1") +
                 "," + tree("/a/{y}", "/2", R"("method": ["POST", "PUT"])") + "," + tree("/a/{z}", "/3", R"("method": "DELETE", "match": {"host": "h"})") +
                 "," + tree("/w/*", "/4", R"("method": "PATCH")") + "," + tree("/o", "/own", R"("method": "ANY")") + "]}"));
  EXPECT_EQ(ask("OPTIONS", "/a/1").header("Allow"), "GET, POST, PUT");
  EXPECT_EQ(ask("OPTIONS", "/a/1", {{"Host", "h"}}).header("Allow"), "DELETE, GET, POST, PUT");
  EXPECT_EQ(ask("OPTIONS", "/w/x/y").header("Allow"), "PATCH");
  EXPECT_EQ(got("OPTIONS", "/o"), "OPTIONS /own ");
}

TEST_F(RoutesTest, ARetriedCallIsJudgedByTheMethodOfTheRequest) {
  // A kept connection that the backend closes: GET is repeated on another one, and answered.
  start(tree("/a", "/a", R"("method": "ANY")"));
  EXPECT_EQ(got("GET", "/a"), "GET /a ");
  up.end_connections();
  EXPECT_EQ(got("GET", "/a"), "GET /a ");
}

// ---- sluice routes ----

Ran routes(const std::string& file, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {gateway_binary(), "routes", "-c", file});
  return run_program(arguments);
}

std::vector<std::string> cells(std::string_view row) {
  std::vector<std::string> out;
  for (size_t at = row.find('|'); at != row.npos;) {
    size_t end = row.find('|', at + 1);
    if (end == row.npos) break;
    std::string_view cell = row.substr(at + 1, end - at - 1);
    while (cell.starts_with(' ')) cell.remove_prefix(1);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    out.emplace_back(cell);
    at = end;
  }
  return out;
}

// The page's table is what the gateway does, and what the command says it does.
TEST_F(RoutesTest, EveryRowOfThePageIsTrueOfTheGatewayAndOfTheCommand) {
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/routing.md");
  std::string config;
  for (const CodeBlock& b : code_blocks(page))
    if (b.language == "json" && config.empty()) config = b.text;
  for (const char* host : {"http://app:8080", "http://files:8080", "http://legacy:8080"}) config = replace_all(config, host, up.url());
  gateway = std::make_unique<GatewayProcess>(options_of(config));
  size_t rows = 0;
  for (size_t at = 0; at < page.size();) {
    const size_t end = std::min(page.find('\n', at), page.size());
    const std::string_view row{page.data() + at, end - at};
    at = end + 1;
    if (!row.starts_with("| `") || cells(row).size() != 5) continue;
    ++rows;
    auto cell = cells(row);
    for (std::string& c : cell) c = c.starts_with('`') && c.find("` = `") == c.npos ? c.substr(1, c.size() - 2) : c;
    const std::string method = cell[0].substr(0, cell[0].find(' ')), path = cell[0].substr(cell[0].find(' ') + 1);
    Headers headers;
    std::vector<std::string> arguments{cell[0]};
    if (!cell[1].empty()) headers.add("Host", cell[1]), arguments.insert(arguments.end(), {"-H", "Host: " + cell[1]});
    if (!cell[2].empty()) {
      const size_t colon = cell[2].find(": ");
      headers.add(cell[2].substr(0, colon), cell[2].substr(colon + 2));
      arguments.insert(arguments.end(), {"-H", cell[2]});
    }
    const int before = up.count();
    const Response r = ask(method, path, headers);
    const Ran said = routes(gateway->config_file(), arguments);
    if (cell[3].size() == 3) {  // a status
      EXPECT_EQ(std::to_string(r.status), cell[3]) << row;
      EXPECT_EQ(said.code, 1) << row;
      EXPECT_NE(said.output.find(cell[3]), std::string::npos) << row << "\n" << said.output;
      EXPECT_EQ(up.count(), before) << row;
      continue;
    }
    EXPECT_EQ(said.code, 0) << row;
    EXPECT_NE(said.output.find("  taken by " + cell[3] + "\n"), std::string::npos) << row << "\n" << said.output;
    EXPECT_EQ(up.count(), before + 1) << row;
    // The backend's target is the one said, with the parameters of the row.
    size_t calls = said.output.find("  calls "), line_end = said.output.find('\n', calls);
    std::string target = said.output.substr(calls, line_end - calls);
    target = target.substr(target.find(up.url()) + up.url().size());
    if (const std::string& p = cell[4]; !p.empty()) {
      const size_t middle = p.find("` = `");
      ASSERT_NE(middle, p.npos) << row;
      const std::string name = p.substr(1, middle - 1), value = p.substr(middle + 5, p.size() - middle - 6);
      EXPECT_NE(said.output.find("  " + name + " = \"" + value + "\"\n"), std::string::npos) << row << "\n" << said.output;
      target = replace_all(target, "{" + name + "}", value);
    }
    EXPECT_EQ(up.requests().back().target, target) << row;
  }
  EXPECT_GE(rows, 18u);
}

TEST_F(RoutesTest, TheCommandPrintsWhatThePageShows) {
  const std::string page = read_file(SLC_SOURCE_FOLDER "/docs/routing.md");
  TempFolder folder;
  std::string file, shown;
  for (const CodeBlock& b : code_blocks(page)) {
    if (b.language == "json" && file.empty()) file = folder.write("routing.json", b.text);
    if (b.text.starts_with("$ sluice routes")) shown = b.text;
  }
  ASSERT_FALSE(shown.empty());
  const Ran ran = run_program({gateway_binary(), "routes", "-c", "routing.json", "GET /v1/users/me", "-H", "X-Version: 2"}, kLimit, {}, folder.path());
  EXPECT_EQ(shown.substr(shown.find('\n') + 1), ran.output);
}

TEST_F(RoutesTest, WithoutARequestTheCommandListsAllRoutes) {
  TempFolder folder;
  const std::string file = folder.write("c.json", config_of(tree("/a/{x...}", "/b/{x}", R"("method": "ANY", "match": {"host": "h"})") + ",\n" +
                                                            endpoint_of("/c", backend_of("http://one", "/1") + "," + backend_of("http://two", "/2"))));
  const Ran ran = routes(file);
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.output.find("METHOD  PATH"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("ANY     /a/{x...} (host h)  " + file + ":1:"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("GET     /c                  " + file + ":2:1  "), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("  http://one/1, http://two/2\n"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("GET     /__health           sluice\n"), std::string::npos) << ran.output;
}

TEST_F(RoutesTest, TheCommandExplainsWhoDoesNotTakeARequest) {
  TempFolder folder;
  std::string many;
  for (int i = 0; i < 8; ++i) many += "," + endpoint_of("/a/b/" + std::to_string(i), backend_of("http://h", "/"));
  const std::string file = folder.write("c.json", config_of(endpoint_of("/a/b", backend_of("http://h", "/"), R"("method": "POST", )") + "," +
      endpoint_of("/a/b", backend_of("http://h", "/"), R"("match": {"host": "x.example"}, )") + "," +
      endpoint_of("/a/b", backend_of("http://h", "/"), R"("match": {"headers": {"V": "2"}}, )") + many, R"("echo_endpoint": true, )"));
  Ran ran = routes(file, {"GET /a/b?q=1", "-H", "Host: y.example", "-H", "V: 1"});
  EXPECT_EQ(ran.code, 1);
  for (const char* part : {"405: the path is there for POST, not for GET", "takes POST, not GET", "wants the host x.example, found \"y.example\"",
                           "wants the header v: 2, found another value", "goes on with /0 where the request's path ends", "and 6 more (--all)"})
    EXPECT_NE(ran.output.find(part), std::string::npos) << part << "\n" << ran.output;
  // The nearest first.
  EXPECT_LT(ran.output.find("wants the header"), ran.output.find("wants the host"));
  EXPECT_LT(ran.output.find("wants the host"), ran.output.find("takes POST"));
  EXPECT_NE(routes(file, {"--all", "GET", "/a/b", "-H", "Host: y.example"}).output.find("goes on with /7"), std::string::npos);
  ran = routes(file, {"https://x.example/a/b"});
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_NE(ran.output.find("taken by GET /a/b (host x.example)"), std::string::npos) << ran.output;
  ran = routes(file, {"PUT /__echo/x"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.output.find("taken by the gateway itself: /__echo/*"), std::string::npos) << ran.output;
  ran = routes(file, {"GET /A/B", "-H", "V: 2"});
  EXPECT_NE(ran.output.find("redirected to /a/b (301)"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("upper and lower case differ"), std::string::npos) << ran.output;
}

TEST_F(RoutesTest, TheCommandSaysHowItIsUsed) {
  TempFolder folder;
  const std::string file = folder.write("c.json", config_of(endpoint_of("/a", backend_of("http://h", "/"))));
  EXPECT_EQ(run_program({gateway_binary(), "routes"}).code, 255);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"GET a"}, {"GET /%zz"}, {"GET /a", "-H", "no header"}, {"-H", "A: b"}, {"a", "b", "c"}, {"--what"}})
    EXPECT_EQ(routes(file, wrong).code, 255) << wrong[0];
  EXPECT_EQ(routes(folder.write("bad.json", "{")).code, 1);
  EXPECT_EQ(routes("/nowhere.json").code, 1);
}

}  // namespace
}  // namespace sluice::test
