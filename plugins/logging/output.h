// Where log lines go: a file descriptor and the local syslog. [log] thread only, after construction; both may block.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace logging {

// Collects lines and writes them in large pieces. A line is never written in part unless the descriptor fails.
class Stream {
 public:
  explicit Stream(int fd) : fd_{fd} {}  // not owned
  void write(std::string_view line);    // adds the newline
  void flush();

 private:
  int fd_;
  std::string buffer_;
};

// Datagrams to the system's log daemon: "<PRI>Jan  2 15:04:05 tag[pid]: message".
class Syslog {
 public:
  // Tries the usual sockets, or those given. False from open(): nobody listens.
  Syslog(int facility, int severity, std::string tag, std::vector<std::string> paths = {"/dev/log", "/var/run/syslog", "/var/run/log"});
  ~Syslog();
  Syslog(const Syslog&) = delete;
  Syslog& operator=(const Syslog&) = delete;
  bool open();
  // Reconnects once when the daemon was restarted; a message that nobody takes is dropped.
  void write(std::string_view message, int64_t unix_seconds);

 private:
  bool send(const std::string&);
  void close();

  int priority_;
  std::string tag_;
  std::vector<std::string> paths_;
  int fd_ = -1;
  bool stream_ = false;  // some daemons offer a stream socket, which needs a newline per message
};

// "local0" … "local7" → the facility's number; anything else is local3, as in the reference.
int facility_of(std::string_view name);

}  // namespace logging
