// What pages of documentation show running: a configuration, what its backends answer, requests, and the answers to them.
//
//   <!-- run -->                          above a JSON block: this configuration runs; what follows on the page belongs to it
//   <!-- backend: TARGET HOW -->          above a block: its text is the body that this backend answers with
//   <!-- backend: TARGET HOW = BODY -->   the same for what the page does not show
//   <!-- calls: PATH N -->                so many requests for PATH reached the backends
//   <!-- received: METHOD TARGET -->      above a block: the body of such a request at a backend
//   <!-- log -->                          above a block: the gateway has written these lines
//   <!-- log lacks: TEXT -->              it has not written this
//   <!-- matrix -->                       above a table: each row's first cell is what backends answer to /row0, /row1, …; the other cells
//                                         are the bodies of GET /COLUMN/row0 and so on. A number alone: that status, "⏎": a line end
//   ```console                            `$ curl …` and its answer; with -i the lines of the head that are shown
//
// TARGET is /path, * for all others, or the same behind http://host; HOW is a status, headers as [Name: value], or `echoes Name …`: the
// request as JSON, with these headers, which is also what a path answers with that nobody speaks of. `http://host refuses` and
// `http://host waits` are about a whole host. Several answers of one target are given in turn, the last one from then on; @CALLS@ in
// them is the number of the call. "…" in an answer or a line of the log stands for any text.
#pragma once
#include <filesystem>
#include <set>

#include "tests/support/fake_upstream.h"
#include "tests/support/gateway_process.h"

namespace sluice::test {

class TestCertificate;

struct PageBackend {
  enum class How { answers, echoes, refuses, waits };
  std::string host, path;  // host: "" is every one
  How how = How::answers;
  Reply reply;
  std::vector<std::string> headers;  // that are echoed
};

struct PageRequest {
  int line = 0;
  bool tls = false, with_head = false, http2 = false;
  std::string method = "GET", host, target, body;
  std::string certificate;       // the client shows the one of the partner
  std::string authority;         // file of the certificate that the gateway has to show
  Headers headers;
  std::string answer;            // as shown
};

struct PageMatrix {
  int line = 0;
  std::vector<std::string> columns;            // without the first
  std::vector<std::vector<std::string>> rows;  // with the first
};

struct PageRun {
  int line = 0;
  std::string config;  // whole
  std::vector<PageBackend> backends;
  std::vector<PageRequest> requests;
  std::vector<std::pair<std::string, int>> calls;
  std::vector<std::pair<std::string, std::string>> received;  // "METHOD TARGET", body
  std::vector<std::string> log, log_lacks;
  std::vector<PageMatrix> matrices;
};

// Pages show pieces of a configuration: this puts the rest around them, as a reader would.
std::string whole_configuration(std::string text);

// What stands in double quotes right behind `at`, blanks skipped; empty: nothing does.
std::string quoted_at(const std::string& code, size_t at);
// Keys as the readers of core/config name them: fields.text("key"), also({"key", …}).
std::set<std::string> keys_read_by_core(const std::filesystem::path& tree);

// In order. Throws Failure with the line of what it does not understand.
std::vector<PageRun> runs_of(std::string_view page);

// Whether `text` is what is shown, "…" in it being any text.
bool is_shown(std::string_view shown, std::string_view text);

// Certificates by the names that pages use, as files below `folder`: certs/gateway.pem and so on.
class PageCertificates {
 public:
  explicit PageCertificates(const TempFolder& folder);
  ~PageCertificates();
  TlsServerContext& backend();  // asks the gateway for a certificate of certs/services.pem
  const TestCertificate& partner() const { return *partner_; }

 private:
  std::unique_ptr<TestCertificate> partner_;
  std::unique_ptr<TlsServerContext> backend_;
};

// The gateway of one run, with a backend for each host of its configuration.
class PageGateway {
 public:
  explicit PageGateway(const PageRun& run, std::map<std::string, std::string> environment = {});
  ~PageGateway();
  GatewayProcess& process() { return *gateway_; }
  uint16_t port() const { return gateway_->port(); }
  FakeUpstream& backend(const std::string& host) { return *backends_.at(host); }  // "http://a:8080", as the page says it
  int calls(const std::string& path) const;
  std::vector<std::string> received(const std::string& request) const;  // bodies of "METHOD TARGET"
  Response ask(const PageRequest& request);
  void compare(const PageMatrix& matrix, const std::string& page);  // fails the test with the table as it should be

 private:
  std::string place_of(const std::string& host);
  void play(const PageRun& run);
  TempFolder folder_;
  std::unique_ptr<PageCertificates> certificates_;
  std::map<std::string, std::unique_ptr<FakeUpstream>> backends_;
  std::unique_ptr<GatewayProcess> gateway_;
};

// All of it: starts the gateway, asks, compares, and fails the test with the line of the page.
void play(const PageRun& run, const std::string& page, const std::map<std::string, std::string>& environment = {});

}  // namespace sluice::test
