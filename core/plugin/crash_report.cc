#include "core/plugin/crash_report.h"

#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/plugin/crash_maps.h"
#include "core/plugin/crash_text.h"
#include "core/plugin/worker.h"

namespace sluice::plugin::crash {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr size_t kSignalCount = sizeof kSignals / sizeof kSignals[0];
constexpr int kMostFrames = 64;
constexpr size_t kStack = 128 * 1024;  // unwinding takes some 20 KiB; sanitizers more

// Everything a handler needs, made before.
struct sigaction previous[kSignalCount];
char path[512];        // of the copy; "": none
char program_id[64];   // build_id()
char note[256];        // "": none
bool installed = false;
std::atomic<pid_t> reporter{0};  // the thread that reports

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    default: return "SIGABRT";
  }
}

std::string_view reason(int signal, int code) {
  if (code <= 0) return signal == SIGABRT ? "abort()" : "sent by a process";
  if (signal == SIGSEGV) return code == SEGV_MAPERR ? "nothing is mapped there" : code == SEGV_ACCERR ? "no right to that" : "invalid access";
  if (signal == SIGBUS) return code == BUS_ADRALN ? "misaligned" : "no such memory";
  if (signal == SIGFPE) return code == FPE_INTDIV ? "integer division by zero" : "arithmetic";
  return signal == SIGILL ? "no instruction" : "";
}

uint64_t program_counter(const ucontext_t* c) {
#if defined(__x86_64__)
  return static_cast<uint64_t>(c->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return c->uc_mcontext.pc;
#else
  (void)c;
  return 0;
#endif
}

void tell_plugin(Text& out) {
  const Place* place = current_place;
  const HookKind hook = hook_state.kind();
  if (hook == HookKind::none) {
    out << "No hook of a plugin was running on this thread.";
  } else if (!place) {
    out << "A function of a plugin was running (" << to_string(hook) << "); which plugin is not known.";
  } else {
    out << "Plugin " << place->plugin << (place->version.empty() ? "" : " ") << place->version << " was running: hook " << to_string(hook);
    if (!place->binding.empty()) out << " of \"" << place->binding << "\"";
    std::string_view where = place->account ? std::string_view{place->account->place()} : place->where;
    if (!where.empty()) out << " at " << where;
    out << ".";
  }
  out << "\n";
  if (hook_state.worker != HookState::kNoWorker) (out << "Thread: worker ").decimal(hook_state.worker) << "\n";
}

// `pc`: where the fault is; 0: there is none.
void tell_frames(Text& out, uint64_t pc) {
  static void* addresses[kMostFrames];
  static Frame frames[kMostFrames + 1];
  int n = backtrace(addresses, kMostFrames), first = 0;
  // The handler's own frames stand before the one that was interrupted.
  while (pc && first < n && reinterpret_cast<uint64_t>(addresses[first]) != pc) ++first;
  size_t count = 0;
  if (first == n && pc) frames[count++].address = pc, first = 0;  // the unwinder did not get there
  for (int i = first; i < n; ++i) frames[count++].address = reinterpret_cast<uint64_t>(addresses[i]);
  locate(frames, count);
  if (pc && !frames[0].file().empty()) out << "The fault is in " << frames[0].file() << "\n";
  out << "Backtrace (addr2line -Cfie FILE OFFSET shows the lines):\n";
  for (size_t i = 0; i < count; ++i) {
    const Frame& f = frames[i];
    (out << "  #").decimal(i) << " ";
    if (f.file().empty())
      out.hex(f.address);
    else
      (out << f.file() << " ").hex(f.address - f.base);
    out << "\n";
  }
}

int open_copy() { return path[0] ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1; }

// Everything behind the first line.
void tell_rest(Text& out, int copy, uint64_t pc);

void report(int signal, const siginfo_t* info, const ucontext_t* context) {
  const int copy = open_copy();
  Text out{2, copy};
  out << "\nsluice " SLC_VERSION " died of " << name_of(signal) << " (" << reason(signal, info->si_code) << ")";
  if (info->si_code > 0 && signal != SIGABRT) (out << ", address ").hex(reinterpret_cast<uint64_t>(info->si_addr));
  out << "\n";
  tell_rest(out, copy, program_counter(context));
}

void report_exit(int status) {
  const int copy = open_copy();
  Text out{2, copy};
  out << "\nsluice " SLC_VERSION " was ended by exit(";
  if (status < 0) out << "-";
  out.decimal(static_cast<uint64_t>(status < 0 ? -int64_t{status} : int64_t{status})) << "), which nobody but itself may call\n";
  tell_rest(out, copy, 0);
}

void tell_rest(Text& out, int copy, uint64_t pc) {
  if (note[0]) out << note << "\n";
  out.flush();
  tell_plugin(out);
  (out << "Process: ").decimal(static_cast<uint64_t>(getpid()));
  (out << ", thread ").decimal(static_cast<uint64_t>(gettid())) << ", time ";
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  out.decimal(static_cast<uint64_t>(now.tv_sec)) << "\n";
  if (program_id[0]) out << "Build id: " << program_id << "\n";
  out.flush();
  tell_frames(out, pc);
  out.flush();
  if (copy >= 0) {
    close(copy);
    Text last{2, -1};
    last << "This report is also in " << path << "\n";
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  int error = errno;
  pid_t nobody = 0, self = gettid();
  if (reporter.compare_exchange_strong(nobody, self)) {
    report(signal, info, static_cast<ucontext_t*>(context));
  } else if (nobody != self) {
    for (;;) pause();  // another thread reports and ends the process
  }
  // As it was before: a fault happens again when the handler returns, with the registers that belong to it.
  for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &previous[i], nullptr);
  if (info->si_code <= 0) syscall(SYS_tgkill, getpid(), self, signal);  // what was sent has to be sent again
  errno = error;
}

void read_build_id() {
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void*) {
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& p = info->dlpi_phdr[i];
          if (p.p_type != PT_NOTE) continue;
          auto* at = reinterpret_cast<const char*>(info->dlpi_addr + p.p_vaddr);
          for (const char* end = at + p.p_memsz; at + sizeof(ElfW(Nhdr)) <= end;) {
            ElfW(Nhdr) note;
            std::memcpy(&note, at, sizeof note);
            const char* name = at + sizeof note;
            const char* value = name + ((note.n_namesz + 3) & ~3u);
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
              size_t n = 0;
              for (uint32_t k = 0; k < note.n_descsz && n + 2 < sizeof program_id; ++k) {
                auto byte = static_cast<unsigned char>(value[k]);
                program_id[n++] = "0123456789abcdef"[byte >> 4];
                program_id[n++] = "0123456789abcdef"[byte & 15];
              }
              return 1;
            }
            at = value + ((note.n_descsz + 3) & ~3u);
          }
        }
        return 1;  // the first object is the program itself
      },
      nullptr);
}

// Ends with the thread; a stack that somebody else has given the thread stays.
struct HandlerStack {
  void* memory = nullptr;
  ~HandlerStack() {
    if (!memory) return;
    stack_t off{};
    off.ss_flags = SS_DISABLE;
    sigaltstack(&off, nullptr);
    munmap(memory, kStack);
  }
};
thread_local HandlerStack handler_stack;

bool wanted() {
  if (SLC_BUILD_FLAGS == 0) return true;
  const char* asked = std::getenv("SLUICE_CRASH_REPORT");
  return asked && *asked == '1';
}

Result<bool, Problem> choose_folder(const std::string& folder) {
  if (folder.empty()) return true;
  std::string file = folder + "/sluice-crash-" + std::to_string(getpid()) + ".txt";
  if (file.size() >= sizeof path) return Problem{"crash reports: the path " + folder + " is too long"};
  struct stat st;
  if (stat(folder.c_str(), &st) != 0) return Problem{"crash reports: " + folder + ": " + std::strerror(errno)};
  if (!S_ISDIR(st.st_mode)) return Problem{"crash reports: " + folder + " is no folder"};
  if (access(folder.c_str(), W_OK | X_OK) != 0) return Problem{"crash reports: " + folder + " cannot be written to: " + std::strerror(errno)};
  std::memcpy(path, file.c_str(), file.size() + 1);
  return true;
}

}  // namespace

namespace {
std::string& chosen_folder() {
  static auto* f = new std::string;
  return *f;
}
}  // namespace

const std::string& folder() { return chosen_folder(); }

const std::string& build_id() {
  static const std::string id = [] {
    read_build_id();
    return std::string{program_id};
  }();
  return id;
}

Result<bool, Problem> install(const Options& o) {
  if (installed || !wanted()) return true;
  build_id();
  auto folder = choose_folder(o.folder);
  if (folder) chosen_folder() = o.folder;
  note[o.note.copy(note, sizeof note - 1)] = 0;
  void* warm[4];
  backtrace(warm, 4);  // loads the unwinder, which a handler could not
  installed = true;
  protect_this_thread();
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignalCount; ++i) sigaction(kSignals[i], &action, &previous[i]);
  return folder;
}

namespace {
std::atomic<bool> expected{false};
}

void guard_exit() {
  build_id();
  void* warm[4];
  backtrace(warm, 4);
  // What is registered first is called last: destructors of what was loaded since come before it.
  on_exit([](int status, void*) {
    if (expected) return;
    report_exit(status);
    _exit(kExitCode);
  }, nullptr);
}

void end_is_expected() { expected = true; }

void protect_this_thread() {
  if (!installed || handler_stack.memory) return;
  stack_t now{};
  if (sigaltstack(nullptr, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
  void* memory = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory, stack.ss_size = kStack;
  if (sigaltstack(&stack, nullptr) == 0)
    handler_stack.memory = memory;
  else
    munmap(memory, kStack);
}

}  // namespace sluice::plugin::crash
