#include "core/app/forced_end.h"

#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/app/gateway_generation.h"
#include "core/app/options.h"
#include "core/app/pid_file.h"
#include "core/base/fd.h"
#include "core/log/log.h"
#include "core/plugin/watchdog.h"
#include "core/plugin/work.h"

namespace sluice::app {

void end_by_force(const plugin::HookState& main_thread, PidFile& pid_file) {
  std::vector<std::string> holders;
  for (const plugin::watchdog::Held& h : plugin::watchdog::held_workers())
    holders.push_back("Worker " + std::to_string(h.worker) + " cannot end: " + h.by.text() + " does not return");
  if (auto by = plugin::watchdog::running_on(main_thread)) holders.push_back("The main thread cannot end: " + by->text() + " does not return");
  for (const plugin::WorkPool::Running& w : plugin::WorkPool::get().running(kForcedEndMs / 2))
    holders.push_back("Background work does not end: " + w.call.text() + " has been running for " + std::to_string(w.for_ms / 1000) + " s");
  const auto sink = running_in_sink();
  if (sink) holders.push_back("The log cannot be written: " + sink->text() + " does not return");
  holders.push_back(holders.empty() ? "Something does not end, but no plugin's code runs. Ending by force" : "Ending by force");
  for (const std::string& line : holders) SLC_LOG(critical, line);
  auto flushed = std::make_shared<std::promise<void>>();
  auto done = flushed->get_future();
  std::thread{[flushed] {
    log::stop();
    flushed->set_value();
  }}.detach();
  // A log sink may be what hangs; the lines that name it are still in its queue then.
  if (done.wait_for(std::chrono::milliseconds{500}) != std::future_status::ready)
    for (const std::string& line : holders) (void)write_if_taken(STDERR_FILENO, line + "\n", 100);
  pid_file.remove();
  ::_exit(kFailure);
}

}  // namespace sluice::app
