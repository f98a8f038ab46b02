// Watches files and folders (inotify) and tells, once, when something about them changed and has been quiet for a moment: an
// editor that writes three times, or an installation that copies ten plugins, is one change.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace sluice::app {

class Watch {
 public:
  static constexpr int kQuietMs = 200, kLongestMs = 2000;

  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  // What changes from now on is told; starts the thread. `files`: what to watch, asked again after each change; a file is watched through its folder, so that
  // one that is replaced (renamed over, or a link that is turned) is seen too. `changed` runs on the thread. False: no descriptors.
  bool begin(std::function<std::vector<std::string>()> files, std::function<void()> changed);
  // [any] What files() tells may be different now.
  void look_again();
  // Ends the thread; nothing runs afterwards.
  void end();

 private:
  struct Look;
  void run();
  std::unique_ptr<Look> look_;  // the thread's, once that runs
  void wake();
  std::function<std::vector<std::string>()> files_;
  std::function<void()> changed_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  int notify_ = -1, wake_ = -1;
};

}  // namespace sluice::app
