#include "core/app/rehearsal/page.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/app/check/child.h"
#include "core/base/clock.h"
#include "core/base/fd.h"
#include "core/base/text.h"
#include "core/plugin/interpose.h"
#include "core/plugin/private_copy.h"
#include "sluice/plugin.h"

namespace sluice::app::rehearsal {
namespace {

constexpr uint64_t kAskMs = 50, kLookMs = 20;
constexpr uint64_t kWaitMs = 250;  // a call may have begun meanwhile, and the limit may be another one by now

uint64_t now_ms() { return clock::monotonic_ns() / 1'000'000; }

void put(char (&to)[Page::kText], std::string_view text) {
  const size_t n = std::min(text.size(), Page::kText - 1);
  if (n) std::memcpy(to, text.data(), n);
  to[n] = 0;
}

std::string call_of(const plugin::LoadStep& s) {
  if (s.hook == plugin::HookKind::none) return "its static constructors";
  std::string text = std::string{plugin::to_string(s.hook)} + "()";
  if (!s.binding.empty()) text += " of \"" + std::string{s.binding} + "\"";
  if (!s.where.empty()) text += " at " + std::string{s.where};
  return text;
}

class Writer final : public plugin::LoadWatch {
 public:
  Writer(Page& page, int files) : page_{page}, files_{files} {}
  Page& page() { return page_; }

  bool begins(const plugin::LoadStep& s) override {
    std::string who{s.file};
    if (!s.plugin.empty()) who = "plugin " + std::string{s.plugin} + " " + std::string{s.version} + " (" + who + ")";
    put(page_.who, who);
    put(page_.what, call_of(s));
    put(page_.pointer, s.hook == plugin::HookKind::none || s.hook == plugin::HookKind::load ? "/plugin" : s.pointer);
    if (files_ >= 0 && s.hook == plugin::HookKind::none) {
      const uint64_t key = key_of_file(s.build);
      if (::write(files_, &key, sizeof key) != sizeof key) return false;
    }
    page_.since_ms.store(now_ms(), std::memory_order_release);
    return true;
  }
  void returned() override {
    page_.idle_ms.store(now_ms(), std::memory_order_relaxed);
    page_.since_ms.store(0, std::memory_order_release);
  }
  // Its constructors have run. What it says of itself is looked at next.
  void mapped() {
    if (!page_.since_ms.load(std::memory_order_relaxed)) return;
    put(page_.what, "get_interface()");
    page_.since_ms.store(now_ms(), std::memory_order_release);
  }

 private:
  Page& page_;
  int files_;
};

Writer* writer = nullptr;

// What a sanitizer's report ends its process with; such builds are for development.
bool of_sanitizer(int code) {
  return ((SLC_BUILD_FLAGS & SLC_BUILT_ASAN) && code == 1) || ((SLC_BUILD_FLAGS & SLC_BUILT_TSAN) && code == 66);
}

// The other process may have written anything there.
template <size_t n>
std::string text_of(const char (&text)[n]) {
  return {text, ::strnlen(text, n)};
}

// "SIGSEGV (…)", "exit(0)", "_exit(0)".
std::string end_of(int status, const Page& page) {
  if (WIFSIGNALED(status)) return check::signal_name(WTERMSIG(status));
  if (const int32_t told = page.exit_status; told >= 0) return "exit(" + std::to_string(told) + ")";
  const int code = WEXITSTATUS(status);
  return of_sanitizer(code) ? "what a sanitizer has found, whose report is on stderr" : "_exit(" + std::to_string(code) + ")";
}

Failure failure_of(int status, bool out_of_time, const Page& page) {
  const std::string end = end_of(status, page);
  if (page.since_ms) {
    const std::string call = text_of(page.who) + ": " + text_of(page.what);
    if (out_of_time) return {text_of(page.pointer), call + " did not return for " + limit_text(page.limit_ms)};
    return {text_of(page.pointer), call + (end.ends_with(')') && !WIFSIGNALED(status) ? " ended the process: it called " : " died of ") + end};
  }
  return {"", std::string{"the process in which plugins are tried "} +
                  (out_of_time ? "did not come on" : WIFSIGNALED(status) ? "died of " + end : "was ended by " + end) +
                  ", outside of the calls that load them: a thread or a job that a plugin has begun, too little memory, or somebody from outside"};
}

}  // namespace

uint64_t key_of_file(std::string_view fingerprint) { return std::hash<std::string_view>{}(fingerprint); }

void begin(Page& page) { page.idle_ms = now_ms(); }

void write_to(Page& page, int files) {
  writer = new Writer{page, files};  // as long as the process
  plugin::load_watch = writer;
  plugin::interpose = [](const slc_entry* entry, std::string_view) {
    writer->mapped();
    return entry;
  };
  // What is registered first is called last: the destructors of plugins come before it.
  ::on_exit([](int code, void*) {
    Page& p = writer->page();
    if (!p.finished) p.exit_status = code & 0xff;
  }, nullptr);
}

Page* page() { return writer ? &writer->page() : nullptr; }

std::string running_on(const Page& page) {
  return page.since_ms.load(std::memory_order_acquire) ? text_of(page.who) + ": " + text_of(page.what) : "";
}

std::optional<Failure> wait_for(pid_t pid, const Page& page, bool group, const std::function<bool()>& cancelled, int* code) {
  const Fd end{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  bool killed = false, out_of_time = false;
  int status = 0;
  for (;;) {
    siginfo_t over{};
    const int asked = ::waitid(P_PID, static_cast<id_t>(pid), &over, WEXITED | WNOWAIT | (killed ? 0 : WNOHANG));
    if (asked < 0 && errno == EINTR) continue;
    if (asked < 0 || over.si_pid == pid) break;
    uint64_t wait = cancelled ? kAskMs : kWaitMs;
    if (const uint64_t limit = page.limit_ms) {
      const uint64_t since = page.since_ms.load(std::memory_order_acquire), now = now_ms();
      const uint64_t until = since ? since + limit : page.idle_ms + std::max(limit, kLimitMs);
      out_of_time = now >= until;
      wait = std::min(wait, out_of_time ? 0 : until - now);
    }
    if (out_of_time || (cancelled && cancelled())) {
      killed = true;
      ::kill(group ? -pid : pid, SIGKILL);
      continue;
    }
    pollfd p{end.get(), POLLIN, 0};
    // Without a descriptor for the process (a kernel older than 5.3) its end is noticed by looking.
    ::poll(&p, 1, static_cast<int>(end ? std::max<uint64_t>(wait, 1) : std::min(wait, kLookMs)));
  }
  if (group) ::kill(-pid, SIGKILL);  // what the plugins have started; its number is still its own
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  plugin::remove_copies_of(pid);
  if (page.finished && WIFEXITED(status) && !killed) {
    *code = WEXITSTATUS(status);
    return std::nullopt;
  }
  return failure_of(status, out_of_time, page);
}

}  // namespace sluice::app::rehearsal
