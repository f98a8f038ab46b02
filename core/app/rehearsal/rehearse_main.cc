// The process of a rehearsal: everything that a reload does up to the swap, and then the end of all of it.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "core/app/gateway_generation.h"
#include "core/app/gateway_worker.h"
#include "core/app/rehearsal/descriptors.h"
#include "core/app/rehearsal/rehearsal.h"
#include "core/base/text.h"
#include "core/log/log.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/module.h"

namespace sluice::app::rehearsal {
namespace {

using plugin::HookKind;
using plugin::LoadStepScope;

// A worker that never runs: what objects do when one starts and stops, and no more.
void start_and_stop(pipeline::Generation& g, uint32_t workers) {
  loop::Loop loop;
  http::Client client{loop, client_options(*g.config), workers};
  slc_worker worker{loop, client, 0, workers};
  plugin::register_worker(&worker);
  size_t started = 0;
  for (; started < g.objects.size(); ++started) {
    const LoadStepScope told{plugin::step_of(*g.objects[started], HookKind::worker_start)};
    if (!g.objects[started]->start(worker)) break;
  }
  while (started-- > 0) {
    const LoadStepScope told{plugin::step_of(*g.objects[started], HookKind::worker_stop)};
    g.objects[started]->stop(worker);
  }
  client.close();
  loop.stop();
  loop.run();
  plugin::unregister_worker(&worker);
}

void end(std::unique_ptr<Live> live) {
  auto modules = live->generation->registry->modules();
  live.reset();
  while (!modules.empty()) {
    const plugin::Module& m = *modules.back();
    const std::string file = m.file(), id = m.entry().id, version = m.entry().version;
    plugin::LoadStep step;
    step.hook = HookKind::unload;
    step.file = file, step.plugin = id, step.version = version;
    const LoadStepScope told{step};
    modules.pop_back();
  }
}

}  // namespace

int rehearse_main(int count, char** values) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // the thread that started us is the gateway's main one
  void* memory = MAP_FAILED;
  if (count >= 10 && std::to_string(::getppid()) == values[2] && ::lseek(kPageFd, 0, SEEK_END) == static_cast<off_t>(sizeof(Page)))
    memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, kPageFd, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "sluice %s is started by the gateway, and by nobody else.\n", values[1]);
    return 64;
  }
  for (int fd : {kPageFd, kFilesFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  // The gateway's log is no business of ours, and its service manager must not take our word for its.
  log::configure(log::Level::off, {});
  ::unsetenv("NOTIFY_SOCKET");
  // Without the folder reports go to stderr alone; the gateway has said so at its start.
  static_cast<void>(plugin::crash::install({values[9], "It was the process in which a reload is rehearsed; the gateway serves on."}));
  Page& page = *static_cast<Page*>(memory);
  write_to(page, kFilesFd);

  GatewayOptions o;
  o.is_rehearsal = true;
  o.config_file = values[3];
  o.port = parse_decimal<uint16_t>(values[4]);
  o.debug_endpoint = *values[5] != 0;
  const uint32_t workers = parse_decimal<uint32_t>(values[6]).value_or(1);
  o.plugins = values[7];
  o.policy = static_cast<Policy>(parse_decimal<int>(values[8]).value_or(0));
  plugin::Pins pins;
  for (int i = 10; i < count; ++i)
    if (auto module = plugin::Module::open(values[i])) pins[(*module)->entry().id] = *module;
  config::Report report;  // the gateway finds everything that is in it again
  if (auto live = build_generation(o, workers, nullptr, pins, report)) {
    start_and_stop(*live->generation, workers);
    end(std::move(live));
  }
  page.finished = 1;
  // Destructors of static objects run at the end of a gateway, not at a reload. The gateway removes our copies of the files.
  ::_exit(0);
}

}  // namespace sluice::app::rehearsal
