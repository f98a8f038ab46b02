#include "core/app/forced_end.h"

#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "core/app/pid_file.h"
#include "core/app/options.h"
#include "core/log/log.h"
#include "core/plugin/watchdog.h"

namespace sluice::app {

void end_by_force(const plugin::HookState& main_thread, PidFile& pid_file) {
  bool named = false;
  for (const plugin::watchdog::Held& h : plugin::watchdog::held_workers())
    named = true, SLC_LOG(critical, "Worker ", static_cast<uint64_t>(h.worker), " cannot end: ", h.by.text(), " does not return");
  if (auto by = plugin::watchdog::running_on(main_thread)) named = true, SLC_LOG(critical, "The main thread cannot end: ", by->text(), " does not return");
  SLC_LOG(critical, named ? "Ending by force" : "Something does not end, but no plugin's hook runs. Ending by force");
  // A log sink may be what hangs.
  auto flushed = std::make_shared<std::promise<void>>();
  auto done = flushed->get_future();
  std::thread{[flushed] {
    log::stop();
    flushed->set_value();
  }}.detach();
  done.wait_for(std::chrono::milliseconds{500});
  pid_file.remove();
  ::_exit(kFailure);
}

}  // namespace sluice::app
