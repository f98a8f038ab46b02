#include "core/app/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

namespace sluice::app {
namespace {

sigset_t wanted() {
  sigset_t set;
  ::sigemptyset(&set);
  for (int s : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, s);
  return set;
}

using Clock = std::chrono::steady_clock;

int wait_ms(Clock::time_point until) {
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace

void Signals::block() {
  sigset_t set = wanted();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

bool Signals::begin(Reactions reactions) {
  reactions_ = std::move(reactions);
  sigset_t set = wanted();
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  ending_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || ending_ < 0) return false;
  thread_ = std::thread{[this] { run(); }};
  return true;
}

void Signals::end() {
  if (thread_.joinable()) {
    uint64_t one = 1;
    while (::write(ending_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  for (int* fd : {&signals_, &ending_})
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
}

void Signals::run() {
  bool draining = false, stopped = false;
  bool limited = false;
  Clock::time_point limit;  // of the phase
  auto stop = [&] {
    if (std::exchange(stopped, true)) return;
    reactions_.stop();
    limited = true;
    limit = Clock::now() + std::chrono::milliseconds{reactions_.force_ms};
  };
  for (;;) {
    pollfd wait[2] = {{signals_, POLLIN, 0}, {ending_, POLLIN, 0}};
    int n = ::poll(wait, 2, limited ? wait_ms(limit) : -1);
    if (n < 0 && errno != EINTR) return;
    if (wait[1].revents) return;
    if (limited && Clock::now() >= limit) {
      limited = false;
      if (stopped) reactions_.force();
      else stop();
    }
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGHUP) {
        reactions_.reload();
      } else if (!draining) {
        draining = true;
        if (uint64_t ms = reactions_.drain(signal)) {
          limited = true;
          // An hour more or less makes no difference beyond a day, but an overflow would.
          limit = Clock::now() + std::chrono::milliseconds{std::min<uint64_t>(ms, 86400000)};
        }
      } else {
        stop();
      }
    }
  }
}

}  // namespace sluice::app
