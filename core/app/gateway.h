// The running gateway: configurations compiled into generations, and the workers that serve them. Main thread, except where
// marked. Used by the commands in commands.cc; tests start the real binary instead.
//
// A reload builds a generation aside with exactly the code of the start, has every worker make its part of it, and only when all
// could do so do they swap. Requests that run end on the generation they began with; when the last one has, it is taken apart.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  uint32_t workers = 0;              // 0: one per core; at most plugin::TokenTable::kMostWorkers
  std::string plugins;               // folder in place of the default one; plugin.folder of the configuration comes on top
  Policy policy = Policy::normal;
  bool rehearse = false;             // what has not yet run here is tried in another process at a reload; this program is `sluice` then
  bool is_rehearsal = false;         // this is that process: nothing is started that lives outside of it
  std::function<bool()> stopping{};  // [main] asked while a rehearsal runs: it is not worth its while any more; empty: never
  uint32_t drain_grace_s = 60;       // a replaced generation that still has requests then is named in the log
};

struct ReloadRequest {
  std::string trigger;   // for the log: "SIGHUP", "admin", "watch"
  bool promote = false;  // a build that is on trial gets all requests; nothing is read. Without a trial: builds that were sent back are taken
};

struct ReloadOutcome {
  bool ok = false;
  std::string trigger;
  uint64_t generation = 0;             // that serves now
  std::string error;                   // what was refused and where, one problem a line
  std::vector<std::string> warnings;
  std::vector<std::string> changes;    // "endpoint GET /x added"; empty: nothing changed
  std::string trial;                   // what is on trial now, or why not; "": nothing about trials
  int64_t unix_ms = 0;
  uint64_t took_ms = 0;
  std::string json() const;            // an object
};

class Gateway {
 public:
  // Reads the configuration and builds everything `run` would serve, without opening a socket. nullptr: refused. The report
  // is filled either way (warnings too) and located.
  static std::unique_ptr<Gateway> build(const GatewayOptions&, config::Report&);
  ~Gateway();

  // Starts the workers and listens. Problem: what could not be done (busy port, …); nothing runs then.
  Result<uint16_t, Problem> start();  // the port
  // [any] Stops accepting; running requests are finished, for at most `limit_ms`.
  void drain();
  // [any] Ends everything now.
  void stop();
  // Carries out what other threads ask for, until every worker has ended.
  void wait();
  // [any] Asks for a reload, which wait() carries out; `done` is called there. Requests that wait are carried out together.
  void reload(ReloadRequest, std::function<void(const ReloadOutcome&)> done = {});
  // [any] What runs, as a JSON object; asks every worker, which takes as long as the longest hook that runs, at most a second.
  // `sections` are further members of the object: `"name": value`.
  std::string status(const std::string& sections = {}) const;
  // [any] The same figures, and all that plugins count and cost, in Prometheus' text format (metrics_text.h). Takes as long.
  std::string metrics() const;
  // [any] The plugins that are loaded, as a JSON object: those of the generation that serves first, then what only others have (a trial, one
  // that drains), each with where its generation uses it; and the files that were refused. A reload waits meanwhile.
  std::string plugins() const;
  // [any] What `sluice explain` needs for one request, as a JSON object: a header that grants an account, and where to send the
  // request. Problem: the configuration that serves gives none.
  Result<std::string, Problem> explain_ticket(const std::string& method, const std::string& target, bool nested) const;
  // [any] Files and folders that a reload would read.
  std::vector<std::string> watched_files() const;

  uint64_t drain_limit_ms() const;  // [any]
  std::string summary() const;  // for logs and `check`: endpoints, backends, plugins used
  std::string dump(int detail, const std::string& indent) const;  // `check -d` (cli.md §4.1)

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl>);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::app
