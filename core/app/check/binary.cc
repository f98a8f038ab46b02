#include "core/app/check/binary.h"

#include <set>
#include <string>

#include "core/plugin/elf.h"

namespace sluice::app::check {
namespace {

constexpr std::string_view kEntry = "slc_plugin_entry";
constexpr size_t kMostSymbols = 1'000'000, kLongestName = 4096;

struct Symbols {
  std::set<std::string> exported, imported;
  size_t unique = 0;
};

Symbols symbols_of(std::string_view file) {
  Symbols out;
  size_t seen = 0;
  plugin::elf::each_symbol(file, [&](const plugin::elf::Symbol& s) {
    std::string_view name = s.text.substr(0, kLongestName);
    name = name.substr(0, name.find('\0'));
    if (name.empty()) return true;
    if (!s.defined) {
      out.imported.emplace(name);
    } else {
      out.unique += s.unique;
      // Markers that linkers add, and what a sanitizer's instrumentation exports.
      if (name != "_init" && name != "_fini" && name != "_edata" && name != "_end" && name != "__bss_start" && !name.starts_with("__asan") &&
          !name.starts_with("__odr_asan") && !s.absolute)
        out.exported.emplace(name);
    }
    return ++seen < kMostSymbols;
  });
  return out;
}

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size() && i < 6; ++i) out += (i ? ", " : "") + names[i];
  return names.size() > 6 ? out + " and " + std::to_string(names.size() - 6) + " more" : out;
}

// Functions that a hook must not call, or that a guest in somebody's process must not use.
struct Suspicious {
  const char* what;
  const char* advice;
  std::vector<const char*> names;
};
const Suspicious kSuspicious[] = {
    {"may block", "Only on threads of your own, or in create(): never in a hook. Timers and callouts are there for hooks.",
     {"sleep", "usleep", "nanosleep", "clock_nanosleep", "getaddrinfo", "gethostbyname", "gethostbyname_r", "select", "poll", "epoll_wait", "connect",
      "accept", "system", "popen", "wait", "waitpid", "curl_easy_perform"}},
    {"changes the whole process", "The process is the gateway's: no fork, no signal handlers, no exit.",
     {"fork", "vfork", "signal", "sigaction", "exit", "_exit", "quick_exit", "setenv", "putenv", "chdir", "setlocale", "umask"}},
};

}  // namespace

std::vector<Finding> look_at(std::string_view file) {
  std::vector<Finding> out;
  const Symbols symbols = symbols_of(file);
  std::vector<std::string> more;
  for (const std::string& name : symbols.exported)
    if (name != kEntry) more.push_back(name);
  if (!symbols.exported.contains(std::string{kEntry}))
    out.push_back({State::failed, "file", "does not export " + std::string{kEntry} + ": no gateway plugin",
                   "Build it with sluice_add_plugin(); in C++ the entry stands inside extern \"C\"."});
  else if (!more.empty())
    out.push_back({State::failed, "file", "exports more than its entry: " + listed(more),
                   "Other plugins, and the libraries they bring, may have the same names: build with -fvisibility=hidden and a version script "
                   "(sluice_add_plugin does)."});
  if (symbols.unique)
    out.push_back({State::failed, "file", std::to_string(symbols.unique) + " symbols are unique to the process (STB_GNU_UNIQUE)",
                   "They are shared with every other build of this plugin and keep the image for ever: -fno-gnu-unique, -fvisibility=hidden."});
  // Rust's standard library has some, for panics and threads, whose author nobody here could talk to. It asks for the function of the C
  // library itself, and says where it was built ("/rustc/<hash>/library/std/…", Debian's "/usr/src/rustc-1.63.0/…"); C++ asks for the one
  // of its own library.
  const bool of_rust = (file.find("/rustc/") != file.npos || file.find("/rustc-") != file.npos) && !symbols.imported.contains("__cxa_thread_atexit");
  if (!of_rust && (symbols.imported.contains("__cxa_thread_atexit") || symbols.imported.contains("__cxa_thread_atexit_impl")))
    out.push_back({State::note, "file", "has thread_local objects with destructors",
                   "The image stays mapped while any thread has them. State of a worker belongs into worker_start (PerWorker)."});
  if (symbols.imported.contains("__cxa_atexit"))
    out.push_back({State::note, "file", "has static objects with destructors",
                   "They run when the process ends, after everything else is gone: use load() and unload()."});
  for (const Suspicious& s : kSuspicious) {
    std::vector<std::string> found;
    for (const char* name : s.names)
      if (symbols.imported.contains(name)) found.emplace_back(name);
    if (!found.empty()) out.push_back({State::note, "file", "uses what " + std::string{s.what} + ": " + listed(found), s.advice});
  }
  if (!any_failed(out)) out.insert(out.begin(), {State::passed, "file", "a shared object for this machine that exports its entry and nothing else", ""});
  return out;
}

}  // namespace sluice::app::check
