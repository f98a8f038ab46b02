// Pages as they run: certificates, backends, the gateway, and the comparison of answers with what is shown.
#include <gtest/gtest.h>

#include "tests/support/http2.h"
#include "tests/support/pages.h"
#include "tests/support/test_client.h"
#include "tests/support/text.h"
#include "tests/support/tls_client.h"

namespace sluice::test {
namespace {

Reply echo(const FakeUpstream::Request& request, const std::vector<std::string>& headers) {
  Json out = Json::object();
  out.set("request", Json::text(request.method + " " + request.target));
  for (const std::string& name : headers)
    if (request.headers.has(name)) out.set(name, Json::text(request.headers.get(name)));
  if (!request.body.empty()) out.set("body", Json::text(request.body));
  return Reply::json(out.dump());
}

// Without the line end that the page has behind an answer.
std::string_view without_end(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

bool has_line(const Response& r, const std::string& shown) {
  for (const auto& [name, value] : r.headers)
    if (is_shown(shown, name + ": " + value)) return true;
  return false;
}

std::string head_of(const Response& r) {
  std::string out = "HTTP/1.1 " + std::to_string(r.status) + " " + r.reason + "\n";
  for (const auto& [name, value] : r.headers) out += name + ": " + value + "\n";
  return out + "\n";
}

void compare(const PageRequest& request, const Response& r, const std::string& where) {
  std::string_view shown = request.answer;
  if (request.with_head) {
    const std::string_view first = shown.substr(0, shown.find('\n'));
    EXPECT_TRUE(first.starts_with("HTTP/1.1 " + std::to_string(r.status))) << where << "\n" << head_of(r) << r.body;
    shown.remove_prefix(std::min(shown.size(), first.size() + 1));
    while (!shown.empty() && shown[0] != '\n') {
      const std::string line{shown.substr(0, shown.find('\n'))};
      EXPECT_TRUE(has_line(r, line)) << where << ": " << line << "\n" << head_of(r);
      shown.remove_prefix(std::min(shown.size(), line.size() + 1));
    }
    if (!shown.empty()) shown.remove_prefix(1);
  } else {
    EXPECT_LT(r.status, 300) << where << ": with another status the page has to show it\n" << head_of(r) << r.body;
  }
  EXPECT_TRUE(is_shown(without_end(shown), without_end(r.body))) << where << "\nshown: " << shown << "\nis:    " << r.body;
}

}  // namespace

PageCertificates::PageCertificates(const TempFolder& folder) {
  const auto write = [&](const std::string& name, const TestCertificate& c) {
    folder.write("certs/" + name + ".key", c.key_pem());
    return folder.write("certs/" + name + ".pem", c.pem());
  };
  write("gateway", {"gateway", {.alternatives = "DNS:localhost"}});
  write("shop", {"shop", {.alternatives = "DNS:shop.example"}});
  const TestCertificate partners{"partners", {.authority = true}}, services{"services", {.authority = true}};
  write("partners", partners);
  const std::string authority = write("services", services);
  partner_ = std::make_unique<TestCertificate>("partner", TestCertificate::Options{.issuer = &partners});
  write("caller", {"caller", {.issuer = &services}});
  const TestCertificate backend{"backend", {.alternatives = "IP:127.0.0.1", .issuer = &services}};
  const std::string file = write("backend", backend);
  backend_ = std::make_unique<TlsServerContext>(file, folder.path() + "/certs/backend.key", authority);
}

PageCertificates::~PageCertificates() = default;
TlsServerContext& PageCertificates::backend() { return *backend_; }

PageGateway::PageGateway(const PageRun& run, std::map<std::string, std::string> environment) {
  GatewayOptions o;
  if (run.config.find("./certs/") != std::string::npos) certificates_ = std::make_unique<PageCertificates>(folder_);
  Json config = Json::parse_or_throw(replace_all(run.config, "./certs/", folder_.path() + "/certs/"), "the configuration of the page");
  const auto move_hosts = [this](Json& owner) {
    Json* hosts = owner.find("host");
    if (hosts == nullptr || owner.at("sd").str() == "dns") return;
    if (hosts->is(Json::Kind::string)) *hosts = Json::text(place_of(hosts->str()));
    else
      for (Json& host : hosts->items()) host = Json::text(place_of(host.str()));
  };
  move_hosts(config);
  if (Json* endpoints = config.find("endpoints"); endpoints != nullptr)
    for (Json& endpoint : endpoints->items())
      if (Json* backends = endpoint.find("backend"); backends != nullptr)
        for (Json& backend : backends->items()) move_hosts(backend);
  play(run);
  o.config = config.dump();
  o.environment = std::move(environment);
  gateway_ = std::make_unique<GatewayProcess>(std::move(o));
}

PageGateway::~PageGateway() = default;

std::string PageGateway::place_of(const std::string& host) {
  const size_t scheme = host.find("://");
  const size_t path = scheme == host.npos ? host.find('/') : host.find('/', scheme + 3);
  const std::string origin = host.substr(0, path);
  auto& backend = backends_[origin];
  if (!backend) {
    const bool tls = host.starts_with("https:");
    backend = std::make_unique<FakeUpstream>(tls && certificates_ ? &certificates_->backend() : nullptr);
  }
  return backend->url() + (path == host.npos ? "" : host.substr(path));
}

void PageGateway::play(const PageRun& run) {
  for (auto& [host, up] : backends_) {
    up->tolerate_disconnects();  // a call whose answer nobody needs any more is cut off: the answers are judged here
    up->on("*", [](const FakeUpstream::Request& r) { return echo(r, {}); });
    std::map<std::string, std::vector<PageBackend>> in_turn;
    for (const PageBackend& b : run.backends) {
      if (!b.host.empty() && b.host != host) continue;
      if (b.how == PageBackend::How::refuses) up->refuse();
      else if (b.how == PageBackend::How::waits) up->stall();
      else in_turn[b.path].push_back(b);
    }
    for (auto& [path, answers] : in_turn) {
      up->on(path, [up = up.get(), answers = answers](const FakeUpstream::Request& r) {
        const int call = up->count(r.path);
        const PageBackend& b = answers[std::min<size_t>(static_cast<size_t>(call) - 1, answers.size() - 1)];
        Reply reply = b.how == PageBackend::How::echoes ? echo(r, b.headers) : b.reply;
        reply.body = replace_all(reply.body, "@CALLS@", std::to_string(call));
        if (!reply.headers.has("Date")) reply.headers.add("Date", http_date());
        return reply;
      });
    }
  }
}

int PageGateway::calls(const std::string& path) const {
  int out = 0;
  for (const auto& [host, up] : backends_) out += up->count(path);
  return out;
}

std::vector<std::string> PageGateway::received(const std::string& request) const {
  std::vector<std::string> out;
  for (const auto& [host, up] : backends_)
    for (const FakeUpstream::Request& r : up->requests())
      if (r.method + " " + r.target == request) out.push_back(r.body);
  return out;
}

Response PageGateway::ask(const PageRequest& request) {
  if (request.http2) {
    Http2Client client{std::make_unique<Wire>(connect_to(port()))};
    const Http2Client::Answer& answer = client.finish(client.get(request.target));
    return {.status = answer.status, .reason = "", .headers = answer.headers, .body = answer.body};
  }
  if (!request.tls) return TestClient{port()}.request(request.method, request.target, request.headers, request.body);
  TlsClientOptions o;
  o.server_name = request.host.substr(0, request.host.find(':'));
  if (!request.certificate.empty()) o.certificate = &certificates_->partner();
  TlsClientWire wire{connect_to(port()), o};
  if (!request.authority.empty()) {
    EXPECT_EQ("certs/" + wire.server_common_name() + ".pem", request.authority);
  }
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  if (!request.body.empty()) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  wire.write(text + "\r\n" + request.body, kLimit);
  Reader reader{wire};
  return read_response(reader, request.method);
}

void PageGateway::compare(const PageMatrix& matrix, const std::string& page) {
  std::string is;  // the table as it would be true
  bool same = true;
  for (size_t row = 0; row < matrix.rows.size(); ++row) {
    const std::string path = "/row" + std::to_string(row), &body = matrix.rows[row][0];
    for (auto& [host, up] : backends_) up->on(path, Reply::json(body));
    is += "| `" + body + "` |";
    for (size_t i = 0; i < matrix.columns.size(); ++i) {
      const Response r = TestClient{port()}.get("/" + matrix.columns[i] + path);
      const std::string cell = r.status == 200 ? std::string(without_end(r.body)) : std::to_string(r.status);
      same = same && cell == matrix.rows[row][i + 1];
      is += cell.empty() ? " (empty) |" : r.status == 200 ? " `" + replace_all(cell, "\n", "⏎") + "` |" : " " + cell + " |";
    }
    is += "\n";
  }
  EXPECT_TRUE(same) << page << ":" << matrix.line << ": the table should be\n" << is;
}

void play(const PageRun& run, const std::string& page, const std::map<std::string, std::string>& environment) {
  SCOPED_TRACE(page + ":" + std::to_string(run.line));
  EXPECT_FALSE(run.requests.empty() && run.matrices.empty()) << "a configuration without a request";
  PageGateway gateway{run, environment};
  for (const PageRequest& request : run.requests) compare(request, gateway.ask(request), page + ":" + std::to_string(request.line));
  for (const PageMatrix& matrix : run.matrices) gateway.compare(matrix, page);
  for (const auto& [path, count] : run.calls) EXPECT_EQ(gateway.calls(path), count) << "calls for " << path;
  for (const auto& [what, body] : run.received) {
    const auto bodies = gateway.received(what);
    bool found = false;
    for (const std::string& one : bodies) found = found || is_shown(without_end(body), without_end(one));
    EXPECT_TRUE(found) << what << " with this body did not come: " << body << (bodies.empty() ? "" : "but: " + bodies[0]);
  }
  if (run.log.empty() && run.log_lacks.empty()) return;
  gateway.process().terminate();
  EXPECT_EQ(gateway.process().wait_for_exit(), 0);
  const std::string log = gateway.process().log();
  for (const std::string& text : run.log_lacks) EXPECT_EQ(log.find(text), log.npos) << log;
  for (const std::string& line : run.log)
    EXPECT_TRUE(is_shown("…" + line + "\n…", log)) << "not in the log: " << line << "\n" << log;
}

}  // namespace sluice::test
