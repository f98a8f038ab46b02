// A reload runs code of plugins: static constructors, get_interface, load, create, worker_start. Code that has run in this process
// before will do so again; what is new may crash, hang or end the process, and the gateway must not be the one to find out. So just before
// the first of it would run, the whole reload up to the swap is rehearsed in a process of its own, and refused when that one does
// not live to say that it has finished. Errors that it finds are no matter: the gateway finds them again, with their places.
//
// New is a file whose content has not been mapped here, a load() of one, and a create() or select() whose build, binding and block have not been there
// together. A reload with nothing of that kind starts no process. Isolated plugins have their own process to be tried in.
//
// Not rehearsed are export_state and import_state (there is no state over there), the hooks of requests, and what a file says that is
// exchanged for the second time during the reload; such a file is refused.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/app/gateway.h"
#include "core/app/rehearsal/page.h"
#include "core/plugin/registry.h"

namespace sluice::app::rehearsal {

// While a generation is built, it watches over what that loads (load_watch.h). Nothing when the options do not ask for it. [main]
class Rehearsal final : plugin::LoadWatch {
 public:
  // `reload`: without, and with a limit of 0, everything may run, and is known then. References: for as long as this lives.
  Rehearsal(const GatewayOptions&, uint32_t workers, const plugin::Pins&, uint64_t limit_ms, bool reload);
  ~Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
  // Why nothing new may run. Its text names plugin, hook and what happened.
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  bool begins(const plugin::LoadStep&) override;
  void returned() override {}
  void rehearse();
  std::vector<std::string> arguments() const;

  const GatewayOptions& options_;
  uint32_t workers_;
  const plugin::Pins& pins_;
  uint64_t limit_ms_;
  bool watches_, tries_, tried_ = false;
  std::vector<uint64_t> rehearsed_;  // keys of the files that were loaded there, sorted
  std::optional<Failure> failure_;
};

// The call of a plugin that a rehearsal is in just now; "": none. [any]
std::string running();

// The command of that process. It is started by the gateway, and by nobody else.
constexpr std::string_view kCommand = "rehearse-reload";
int rehearse_main(int count, char** values);

}  // namespace sluice::app::rehearsal
