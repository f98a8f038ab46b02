// Signals become calls on one thread. They are blocked in every thread, so no handler ever interrupts anything.
#pragma once
#include <cstdint>
#include <functional>
#include <thread>

namespace sluice::app {

class Signals {
 public:
  struct Reactions {
    // SIGTERM or SIGINT, the first one. Returns how long, in ms, to wait for the end before `stop` is called; 0: no limit.
    std::function<uint64_t(int signal)> drain;
    std::function<void()> stop;    // the second one, or the time is over; once
    std::function<void()> reload;  // SIGHUP
    std::function<void()> force = [] {};  // `force_ms` after stop, when end() has not been called by then; once
    uint64_t force_ms = 0;
  };
  // Blocks SIGTERM, SIGINT and SIGHUP and ignores SIGPIPE, for this thread and all it will start. Before any thread exists.
  static void block();

  Signals() = default;
  ~Signals() { end(); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  // Starts the thread; the reactions run on it. False: no descriptors left.
  bool begin(Reactions);
  // Ends the thread; no reaction runs afterwards.
  void end();

 private:
  void run();
  Reactions reactions_;
  std::thread thread_;
  int signals_ = -1, ending_ = -1;
};

}  // namespace sluice::app
