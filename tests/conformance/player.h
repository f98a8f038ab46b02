// Plays one case: starts its backends and the gateway, sends the requests of its steps, collects every difference.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/conformance/judge.h"
#include "tests/conformance/mock_backend.h"
#include "tests/support/gateway_process.h"

namespace sluice::test {

class Player {
 public:
  explicit Player(Json test_case);
  ~Player();
  // The differences, one line each. Throws Failure when the case itself cannot be played.
  std::vector<std::string> play();
  std::string log() const { return process_ ? process_->output() : ""; }

 private:
  struct Session {
    std::unique_ptr<Wire> wire;
    std::unique_ptr<Reader> reader;
  };
  void prepare();
  void start();
  void judge_start();
  bool play_step(size_t index, const Json& step);
  std::vector<Answer> exchange(const Json& send, const std::string& connection);
  Session open_session();
  void settle(const Json& step, size_t wanted);
  void end();
  void place(const std::string& name, uint16_t port, bool tls);
  std::string fill(std::string_view text) const;
  Json fill(const Json& value) const;
  std::string unfill(std::string text) const;
  void fail(size_t index, const std::string& what) { differences_.push_back("step " + std::to_string(index + 1) + ": " + what); }

  Json case_;
  TempFolder folder_;
  std::vector<std::pair<std::string, std::string>> places_;  // "@A@" -> address, the longest address first
  std::map<std::string, std::unique_ptr<MockBackend>> backends_;
  Fd dead_;  // bound, not listening: refuses connections
  ReservedPort port_;
  bool tls_ = false;
  std::unique_ptr<NotifySocket> notify_;
  std::unique_ptr<Process> process_;
  std::map<std::string, Session> sessions_;
  std::vector<std::string> differences_;
};

}  // namespace sluice::test
