// A file that says who runs, locked for as long as that is true. The lock is the truth, the number is for people: a file
// left by a process that died is nobody's and is taken over. Main thread.
#pragma once
#include <string>

#include "core/base/result.h"

namespace sluice::app {

class PidFile {
 public:
  PidFile() = default;
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&& other) noexcept;
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile() { remove(); }

  // Locks `path` and writes this process's id. Problem: somebody holds it (who is said), or it cannot be written.
  static Result<PidFile, Problem> create(const std::string& path);
  // Removes the file and the lock; nothing if there is none.
  void remove();
  bool held() const { return fd_ >= 0; }

 private:
  std::string path_;
  int fd_ = -1;
};

}  // namespace sluice::app
