#include "core/app/watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <set>
#include <utility>

namespace sluice::app {
namespace {

constexpr uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF;

std::string folder_of(const std::string& file) {
  size_t slash = file.rfind('/');
  return slash == file.npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}
std::string name_of(const std::string& file) { return file.substr(file.rfind('/') + 1); }

bool is_folder(const std::string& path) {
  struct stat st;
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_link(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode);
}

using Clock = std::chrono::steady_clock;

}  // namespace

// What is watched: per folder the names that matter; empty: all of them.
struct Watch::Look {
  std::map<int, std::set<std::string>> names;  // by watch descriptor

  void add(int notify, const std::string& path) {
    // A link is turned by changing something else in its folder (a mounted ConfigMap does): everything there counts.
    bool folder = is_folder(path), whole = folder || is_link(path);
    int wd = ::inotify_add_watch(notify, (folder ? path : folder_of(path)).c_str(), kMask | IN_ONLYDIR);
    if (wd < 0) return;  // it does not exist (yet); the reload says so
    auto [it, is_new] = names.try_emplace(wd);
    if (whole) it->second.clear();
    else if (is_new || !it->second.empty()) it->second.insert(name_of(path));
  }
  // Takes up what is to be watched now.
  void refresh(int notify, const std::vector<std::string>& files) {
    std::map<int, std::set<std::string>> before = std::exchange(names, {});
    for (const std::string& f : files) add(notify, f);
    for (const auto& [wd, ignored] : before)
      if (!names.count(wd)) ::inotify_rm_watch(notify, wd);
  }
  bool concerns(const inotify_event& e) const {
    auto it = names.find(e.wd);
    if (it == names.end()) return false;
    // A file that has only been made is told again when it has been written.
    if (e.mask & IN_CREATE && !(e.mask & IN_ISDIR)) return false;
    return it->second.empty() || e.len == 0 || it->second.count(e.name);
  }
};

Watch::Watch() = default;
Watch::~Watch() { end(); }

bool Watch::begin(std::function<std::vector<std::string>()> files, std::function<void()> changed) {
  files_ = std::move(files), changed_ = std::move(changed);
  notify_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (notify_ < 0 || wake_ < 0) return false;
  look_ = std::make_unique<Look>();
  look_->refresh(notify_, files_());
  thread_ = std::thread{[this] { run(); }};
  return true;
}

void Watch::wake() {
  uint64_t one = 1;
  while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Watch::look_again() {
  if (thread_.joinable()) wake();
}

void Watch::end() {
  if (thread_.joinable()) {
    stopping_ = true;
    wake();
    thread_.join();
  }
  for (int* fd : {&notify_, &wake_})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

void Watch::run() {
  Look& look = *look_;
  bool due = false;
  Clock::time_point first, last;
  alignas(inotify_event) char buffer[16384];
  for (;;) {
    int wait = -1;
    if (due) {
      auto at = std::min(last + std::chrono::milliseconds{kQuietMs}, first + std::chrono::milliseconds{kLongestMs});
      wait = static_cast<int>(std::max<int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(at - Clock::now()).count()));
    }
    pollfd p[2] = {{notify_, POLLIN, 0}, {wake_, POLLIN, 0}};
    int n = ::poll(p, 2, wait);
    if (n < 0 && errno != EINTR) return;
    if (stopping_) return;
    if (p[1].revents) {
      uint64_t count;
      if (::read(wake_, &count, sizeof count) > 0) look.refresh(notify_, files_());
    }
    if (n == 0 && due) {
      due = false;
      // Before the reload: what changes while it reads must be seen.
      look.refresh(notify_, files_());
      changed_();
      continue;
    }
    ssize_t size;
    while ((size = ::read(notify_, buffer, sizeof buffer)) > 0) {
      for (char* at = buffer; at < buffer + size;) {
        auto* e = reinterpret_cast<inotify_event*>(at);
        at += sizeof *e + e->len;
        if (!(e->mask & IN_Q_OVERFLOW) && !look.concerns(*e)) continue;
        last = Clock::now();
        if (!std::exchange(due, true)) first = last;
      }
    }
  }
}

}  // namespace sluice::app
