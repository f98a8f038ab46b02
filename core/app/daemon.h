// Leaving for the background, and telling the outside how it went. Before threads and plugins exist: fork() copies only
// the calling thread.
#pragma once
#include <string>
#include <string_view>
#include <utility>

namespace sluice::app {

// The background process's line to the one that was started. Move-only.
class Background {
 public:
  Background() = default;
  Background(Background&& other) noexcept : report_{std::exchange(other.report_, -1)} {}
  Background& operator=(Background&& other) noexcept {
    std::swap(report_, other.report_);
    return *this;
  }
  ~Background();

  // Forks. In the background process this returns; the started process stays until ready() or failed() is called there,
  // or that process dies, and then leaves with the code told (1 if it died). False: could not fork.
  // The working folder stays (a configuration's paths are relative to it), and so do stdout and stderr until ready().
  bool enter();
  // It serves: the started process leaves with 0. Standard streams that are no regular file become /dev/null, so that
  // neither a terminal nor a pipe is held for ever.
  void ready();
  // It does not: the started process leaves with `code`. The message has gone to stderr, which both share.
  void failed(int code);

 private:
  void tell(int code);
  int report_ = -1;
};

// One datagram to systemd's socket ($NOTIFY_SOCKET; sd_notify(3)). Never waits. False: nobody asked, or it could not be sent.
bool notify(std::string_view state);

// Descriptors 0 to 2 that were closed when the program began become /dev/null: what is opened next would take their numbers, and
// what is meant for stdout would end in a pid file or a socket. Before anything is opened.
void hold_standard_descriptors();

// Soft limit of open files to the hard one: each connection is a file, and the default of 1024 is a trap.
void raise_file_limit();

}  // namespace sluice::app
