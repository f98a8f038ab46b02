// sluice explain: sends a request and shows the account of its answer.
#include <CLI/CLI.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "core/app/options.h"
#include "core/app/tools/admin_client.h"
#include "core/app/tools/explain_tree.h"
#include "core/app/tools/request_text.h"
#include "core/app/tools/tool.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/http/client.h"
#include "core/pipeline/account_request.h"

namespace sluice::app {

extern const Tool kExplainTool;

namespace {

constexpr std::string_view kHelp = R"help(sluice explain: why an answer is what it is

Usage:
  sluice explain "METHOD /path" [flags]

Sends the request to a running gateway and shows the account of its answer as a tree: the endpoint that takes it, every plugin
with its time and decision, every call to a backend with host, times and status, and of every field which backend and which
rule it came from, or why it is missing. The request is a real one: what it changes at the backends is changed.

The gateway's configuration has to allow it, at its root:  "extra_config": {"sluice": {"explain": {}}}
Leave for the one request comes over the admin socket, or from the secret of the configuration.

Flags:
  -H, --header HEADER    "Name: value", may be given several times; Host is the host
      --data TEXT        Body of the request
  -n, --nested           Fields inside objects, too, not only those of the top level
      --json             The answer as it came: the account, and the answer in it
      --sign             Only print the header that grants an account, for curl and others; nothing is sent
      --admin PATH       The gateway's admin socket (default: $SLUICE_ADMIN, else that of the only gateway of this user)
      --pid N            The gateway with this process id
      --secret-file FILE Sign with this secret ("secret" in the configuration; also $SLUICE_EXPLAIN_SECRET); needs --url
      --url URL          Where the gateway is: http://host:port or https://host:port
      --insecure         Do not check the certificate of --url
  -h, --help             This text

Exit code: 0 the account was shown, whatever the answer's status, 1 there is none, 255 wrong usage

Examples:
  sluice explain "GET /v1/products?page=2"
  sluice explain "POST /v1/orders" -H "Content-Type: application/json" --data '{"id": 7}' --nested
  curl -H "$(sluice explain --sign 'GET /v1/products')" http://127.0.0.1:8080/v1/products

More: docs/explain.md
)help";

constexpr int kAdminSeconds = 10;
constexpr size_t kLargestAnswer = size_t{64} << 20;
constexpr size_t kLargestSecret = size_t{64} << 10;

int fail(const std::string& why) {
  std::string text = "Error: " + why + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
  return kFailure;
}

// One request, blocking.
class Sender final : public http::CallSink {
 public:
  struct Received {
    int status = 0;
    bool has_account = false;
    std::string refused, body;
  };

  Result<Received, Problem> send(const std::string& url, bool verify, std::string_view bytes) {
    http::TlsClientOptions tls;
    tls.verify = verify;
    std::vector<http::TlsProblem> problems;
    auto context = url.starts_with("https://") ? http::TlsClientContext::create(tls, problems) : nullptr;
    auto origin = http::make_origin(url, context);
    if (!origin) return Problem{url + ": " + origin.error().message};
    origin->proxy = nullptr;  // the gateway that is meant, not what a proxy makes of it
    http::ClientOptions options;
    options.dial_timeout_ms = 10'000;
    http::Client client{loop_, options, 1};
    client_ = &client;
    {
      Arena arena{loop_.blocks()};
      http::ClientCall call{client, arena, *this};
      http::Slice slice = bytes;
      http::ClientCall::Request request;
      request.origin = &*origin;
      request.bytes = {&slice, 1};
      request.idempotent = false;
      call.start(request);
      loop_.run();
    }
    if (!problem_.empty()) return Problem{problem_};
    return received_;
  }

  void on_response(const http::ResponseHead* head, http::Slices body, bool last) noexcept override {
    if (head) {
      received_.status = head->status;
      std::string_view told = head->headers.get(pipeline::kExplainHeader);
      received_.has_account = told.starts_with("version=");
      if (told.starts_with("refused")) received_.refused = told;
    }
    for (http::Slice s : body) received_.body += s;
    if (received_.body.size() > kLargestAnswer) problem_ = "the answer is larger than 64 MiB";
    if (last || !problem_.empty()) end();
  }
  void on_error(const Error& e) noexcept override {
    problem_ = e.message;
    end();
  }
  void on_writable() noexcept override {}

 private:
  void end() {
    if (std::exchange(ended_, true)) return;
    loop_.post([this] {
      client_->close();
      loop_.stop();
    });
  }
  loop::Loop loop_;
  http::Client* client_ = nullptr;
  Received received_;
  std::string problem_;
  bool ended_ = false;
};

struct Ticket {
  std::string value, url;
  bool verify = true;
};

// Over the admin socket, from the gateway itself.
Result<Ticket, Problem> ask(const AdminFlags& flags, const RequestText& r, bool nested) {
  auto socket = find_admin(flags);
  if (!socket) return socket.error();
  std::string query = "/explain?method=" + percent_encode(r.method) + "&target=" + percent_encode(r.target) + "&depth=" + (nested ? "nested" : "top");
  auto answer = ask_admin(*socket, "POST", query, kAdminSeconds);
  if (!answer) return answer.error();
  boost::json::error_code wrong;
  boost::json::value value = boost::json::parse(answer->body, wrong);
  if (wrong || !value.is_object()) return Problem{"unexpected answer of the gateway: " + answer->body};
  const boost::json::object& o = value.get_object();
  auto text = [&](const char* key) { return o.contains(key) && o.at(key).is_string() ? std::string{o.at(key).get_string()} : std::string{}; };
  if (answer->status != 200) return Problem{text("error").empty() ? "the gateway answered " + answer->body : text("error")};
  std::string address = text("address");
  if (address.empty() || address == "0.0.0.0") address = "127.0.0.1";
  if (address == "::") address = "::1";
  if (address.find(':') != address.npos) address = "[" + address + "]";
  const bool tls = o.contains("tls") && o.at("tls").is_bool() && o.at("tls").get_bool();
  const auto port = o.contains("port") && o.at("port").is_number() ? o.at("port").to_number<int64_t>() : 0;
  // The process itself said where it listens: there is nobody else to be told apart by a certificate.
  return Ticket{text("value"), (tls ? "https://" : "http://") + address + ":" + std::to_string(port), false};
}

Result<std::string, Problem> read_secret(const std::string& file) {
  if (file.empty()) {
    const char* set = std::getenv("SLUICE_EXPLAIN_SECRET");
    return std::string{set ? set : ""};
  }
  auto text = read_file(file, kLargestSecret);
  if (!text) return Problem{file + ": " + text.error().message};
  return std::string{trim(std::string_view{*text}.substr(0, text->find_first_of("\r\n")))};
}

std::string wire(const RequestText& r, const std::string& url, const std::string& value, const std::string& data) {
  std::string host = r.authority.empty() ? url.substr(url.find("://") + 3) : r.authority;
  std::string out = r.method + " " + r.target + " HTTP/1.1\r\nHost: " + host + "\r\n" + std::string{pipeline::kExplainHeader} + ": " + value + "\r\n";
  for (const auto& [name, text] : r.headers)
    if (!iequals(name, "Content-Length") && !iequals(name, "Transfer-Encoding")) out += name + ": " + text + "\r\n";
  if (!data.empty() || r.method == "POST" || r.method == "PUT" || r.method == "PATCH") out += "Content-Length: " + std::to_string(data.size()) + "\r\n";
  return out + "Connection: close\r\n\r\n" + data;
}

int show(const Sender::Received& r, bool json) {
  if (!r.has_account)
    return fail("the gateway answered with status " + std::to_string(r.status) + ", without an account" + (r.refused.empty() ? "" : " (" + r.refused + ")"));
  if (json) {
    std::fwrite(r.body.data(), 1, r.body.size(), stdout);
    std::fputc('\n', stdout);
    return kClean;
  }
  boost::json::error_code wrong;
  boost::json::value value = boost::json::parse(r.body, wrong);
  if (wrong || !value.is_object()) return fail("unexpected answer: " + r.body.substr(0, 200));
  std::string text = explain_tree(value.get_object());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kClean;
}

int run(std::span<const std::string> arguments) {
  AdminFlags flags = admin_flags(arguments);
  if (!flags.wrong.empty()) return usage_failure(kExplainTool, flags.wrong);
  std::vector<std::string> headers, requests;
  std::string data, url, secret_file;
  bool nested = false, sign = false, insecure = false;
  CLI::App app;
  app.set_help_flag();
  app.add_option("-H,--header", headers)->allow_extra_args(false);
  app.add_option("--data", data);
  app.add_flag("-n,--nested", nested);
  app.add_flag("--sign", sign);
  app.add_option("--secret-file", secret_file);
  app.add_option("--url", url);
  app.add_flag("--insecure", insecure);
  app.add_option("request", requests);
  try {
    app.parse(std::vector<std::string>{flags.rest.rbegin(), flags.rest.rend()});
  } catch (const CLI::ParseError& e) {
    return usage_failure(kExplainTool, e.what());
  }
  if (requests.size() == 2) requests = {requests[0] + " " + requests[1]};  // "GET /x" may come as two words
  if (requests.size() != 1) return usage_failure(kExplainTool, "one request is wanted, in quotes: \"GET /path\"");
  RequestText request;
  if (std::string wrong = read_request(requests[0], headers, request); !wrong.empty()) return usage_failure(kExplainTool, wrong);
  request.target.resize(std::min(request.target.size(), request.target.find('#')));
  auto secret = read_secret(secret_file);
  if (!secret) return fail(secret.error().message);
  // A secret of the environment that names no place is not meant for this gateway, whose socket signs.
  if (url.empty() && !sign && secret_file.empty()) secret->clear();
  Ticket ticket;
  if (!secret->empty()) {
    if (url.empty() && !sign) return usage_failure(kExplainTool, "with a secret, --url says where the gateway is");
    auto depth = nested ? pipeline::AccountDepth::nested : pipeline::AccountDepth::top;
    ticket = {pipeline::sign_explain(*secret, request.method, request.target, depth, static_cast<uint64_t>(std::time(nullptr))), url, !insecure};
  } else {
    auto given = ask(flags, request, nested);
    if (!given) return fail(given.error().message);
    ticket = std::move(*given);
    if (!url.empty()) ticket.url = url, ticket.verify = !insecure;
  }
  if (sign) {
    std::string line = std::string{pipeline::kExplainHeader} + ": " + ticket.value + "\n";
    std::fwrite(line.data(), 1, line.size(), stdout);
    return kClean;
  }
  while (ticket.url.ends_with('/')) ticket.url.pop_back();
  std::string bytes = wire(request, ticket.url, ticket.value, data);
  auto received = Sender{}.send(ticket.url, ticket.verify, bytes);
  if (!received) return fail(received.error().message);
  return show(*received, flags.json);
}

}  // namespace

const Tool kExplainTool{"explain", "Send a request and show why its answer is what it is", kHelp, run};

}  // namespace sluice::app
