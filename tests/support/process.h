// Child processes with time limits, and folders that vanish.
#pragma once
#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/wire.h"

namespace sluice::test {

class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view content) const;  // sub-folders are made; returns the path

 private:
  std::string path_;
};

// The caller's environment without KRAKEND_*, SLUICE_* and FC_*, plus `extra`.
std::vector<std::string> clean_environment(const std::map<std::string, std::string>& extra);
// For a process that is to die of a signal as the product does: handlers of the sanitizers are off, and what their variables say here stays.
std::map<std::string, std::string> crashing_as_the_product(std::map<std::string, std::string> more = {});

// A running child; both its outputs are collected. It dies with the test (PR_SET_PDEATHSIG) and with this object.
class Process {
 public:
  Process(const std::vector<std::string>& argv, const std::vector<std::string>& environment, const std::string& folder = "");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  int exit_fd() const { return pidfd_.get(); }  // readable when the process has ended
  void signal(int number);
  // Its exit code, or minus the signal that ended it; nullopt: still running after `limit`.
  std::optional<int> wait(Limit limit = kLimit);
  std::string output() const;
  // Waits until `text` was printed; throws TimedOut, or Failure if the process ends without.
  void wait_for_output(std::string_view text, Limit limit = kLimit);

 private:
  void collect();
  pid_t pid_ = -1;
  Fd pidfd_, pipe_;
  std::optional<int> code_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  bool ended_ = false;
  std::thread collector_;
};

struct Ran {
  int code = 0;
  std::string output;
};
// Runs a program to its end; throws TimedOut.
Ran run_program(const std::vector<std::string>& argv, Limit limit = kLimit, const std::map<std::string, std::string>& extra = {},
                const std::string& folder = "");

}  // namespace sluice::test
