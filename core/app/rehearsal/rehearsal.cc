#include "core/app/rehearsal/rehearsal.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_set>

#include "core/app/rehearsal/descriptors.h"
#include "core/base/fd.h"
#include "core/base/spawn.h"
#include "core/log/log.h"
#include "core/plugin/crash_report.h"
#include "core/plugin/module.h"

namespace sluice::app::rehearsal {
namespace {

constexpr size_t kMostKnown = 1'000'000;  // beyond, everything is new again, which costs no more than a rehearsal

// What has run, or is about to, in this process. 64 bits of a hash: what two of them have in common by chance is not rehearsed.
std::unordered_set<uint64_t>& known() {
  static auto* k = new std::unordered_set<uint64_t>;
  return *k;
}

// The page of the rehearsal that runs, for onlookers.
std::mutex onlookers;
const Page* watched = nullptr;  // under `onlookers`
void show(const Page* page) {
  const std::lock_guard lock{onlookers};
  watched = page;
}

uint64_t key_of(const plugin::LoadStep& s) {
  if (s.hook == plugin::HookKind::none) return key_of_file(s.build);
  std::string text;
  for (std::string_view part : {plugin::to_string(s.hook), s.build, s.binding, s.kind}) text += part, text += '\0';
  text += std::to_string(s.scope);
  if (s.block) text += boost::json::serialize(*s.block);
  return std::hash<std::string>{}(text);
}

int start(std::vector<std::string> arguments, int page, int files, pid_t* pid) {
  Spawn s;
  s.arguments = std::move(arguments);
  s.descriptors = {{Spawn::kNothing, 1}, {page, kPageFd}, {files, kFilesFd}};  // standard output is the gateway's log; stderr is for crash reports
  s.no_others = true;
  s.own_group = true;  // a signal for the gateway's is none for it
  s.signals = Spawn::Signals::open;
  return spawn(s, pid);
}

}  // namespace

Rehearsal::Rehearsal(const GatewayOptions& o, uint32_t workers, const plugin::Pins& pins, uint64_t limit_ms, bool reload)
    : options_{o}, workers_{workers}, pins_{pins}, limit_ms_{limit_ms}, watches_{o.rehearse && !plugin::load_watch}, tries_{reload && limit_ms > 0} {
  if (watches_) plugin::load_watch = this;
}

Rehearsal::~Rehearsal() {
  if (watches_) plugin::load_watch = nullptr;
}

bool Rehearsal::begins(const plugin::LoadStep& s) {
  using plugin::HookKind;
  // The others follow these; what is made has to be ended in any case.
  if (s.hook != HookKind::none && s.hook != HookKind::load && s.hook != HookKind::create && s.hook != HookKind::select)
    return !failure_ || s.hook != HookKind::watch;
  const uint64_t key = key_of(s);
  if (known().contains(key)) return true;
  if (tries_ && !tried_ && !failure_) rehearse();
  if (failure_) return false;
  if (tries_ && s.hook == HookKind::none && !std::binary_search(rehearsed_.begin(), rehearsed_.end(), key)) {
    failure_ = Failure{"/plugin", std::string{s.file} + ": the file was exchanged while the reload was rehearsed. Reload once more"};
    return false;
  }
  if (known().size() >= kMostKnown) known().clear();
  known().insert(key);
  return true;
}

std::vector<std::string> Rehearsal::arguments() const {
  const GatewayOptions& o = options_;
  std::vector<std::string> all{"sluice",
                               std::string{kCommand},
                               std::to_string(::getpid()),
                               o.config_file,
                               o.port ? std::to_string(*o.port) : "",
                               o.debug_endpoint ? "1" : "",
                               std::to_string(workers_),
                               o.plugins,
                               std::to_string(static_cast<int>(o.policy)),
                               plugin::crash::folder()};
  for (const auto& [id, module] : pins_) all.push_back(module->image_path());
  return all;
}

void Rehearsal::rehearse() {
  tried_ = true;
  auto impossible = [&](int error) {
    failure_ = Failure{"/plugin", "the reload cannot be rehearsed, and it would run code of plugins that has not run here before: " +
                                      std::string{std::strerror(error)} + ". \"rehearsal_ms\": 0 would do without"};
  };
  const Fd page = memory_file("sluice-rehearsal"), files = memory_file("sluice-rehearsal-files");
  if (!page || !files || ::ftruncate(page.get(), sizeof(Page)) != 0) return impossible(errno);
  void* memory = ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, page.get(), 0);
  if (memory == MAP_FAILED) return impossible(errno);
  Page& shared = *new (memory) Page;
  shared.limit_ms = limit_ms_;
  rehearsal::begin(shared);
  const auto began = std::chrono::steady_clock::now();
  pid_t pid = -1;
  if (const int failed = start(arguments(), page.get(), files.get(), &pid)) {
    ::munmap(memory, sizeof(Page));
    return impossible(failed);
  }
  int code = 0;
  show(&shared);
  failure_ = wait_for(pid, shared, true, options_.stopping, &code);
  show(nullptr);
  ::munmap(memory, sizeof(Page));
  if (failure_ && options_.stopping && options_.stopping()) failure_ = Failure{"", "the gateway is stopping"};
  else if (failure_) failure_->text += ". That was in a rehearsal of the reload, in a process of its own";
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began).count();
  SLC_LOG(debug, "Reload: code of plugins that is new was rehearsed in ", int64_t{took}, " ms");
  rehearsed_.resize(static_cast<size_t>(std::max<off_t>(::lseek(files.get(), 0, SEEK_END), 0)) / sizeof(uint64_t));
  const size_t size = rehearsed_.size() * sizeof(uint64_t);
  if (size && ::pread(files.get(), rehearsed_.data(), size, 0) != static_cast<ssize_t>(size)) rehearsed_.clear();
  std::sort(rehearsed_.begin(), rehearsed_.end());
}

std::string running() {
  const std::lock_guard lock{onlookers};
  return watched ? running_on(*watched) : "";
}

}  // namespace sluice::app::rehearsal
