// The running gateway: a configuration compiled into a generation, and the workers that serve it. Main thread, except where
// marked. Used by the commands in commands.cc; tests start the real binary instead.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/config/report.h"

namespace sluice::app {

enum class Policy : uint8_t {
  normal,   // a name nobody serves: refused in the families that must not fail open, a warning elsewhere
  strict,   // refused everywhere
  lenient,  // a warning everywhere
};

struct GatewayOptions {
  std::string config_file;
  std::optional<uint16_t> port;      // -p
  bool debug_endpoint = false;       // -d
  uint32_t workers = 0;              // 0: one per core
  std::string plugins;               // folder; "": plugin.folder of the configuration and the default folder
  Policy policy = Policy::normal;
};

class Gateway {
 public:
  // Reads the configuration and builds everything `run` would serve, without opening a socket. nullptr: refused. The report
  // is filled either way (warnings too) and located.
  static std::unique_ptr<Gateway> build(const GatewayOptions&, config::Report&);
  ~Gateway();

  // Starts the workers and listens. Problem: what could not be done (busy port, …); nothing runs then.
  Result<uint16_t, Problem> start();  // the port
  // Stops accepting; running requests are finished, for at most `limit_ms`. [any thread]
  void drain();
  // Ends everything now. [any thread]
  void stop();
  // Blocks until every worker has ended.
  void wait();
  uint64_t drain_limit_ms() const;
  std::string summary() const;  // for logs and `check`: endpoints, backends, plugins used
  std::string dump(int detail, const std::string& indent) const;  // `check -d` (cli.md §4.1)

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::app
