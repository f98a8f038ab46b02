// Which code of the plugin runs right now, in memory shared with the parent process: when the checking process dies, or has to
// be killed, the parent can still say which hook it was in. One slot per thread, written by that thread alone.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::app::check {

struct RunningPage {
  static constexpr uint32_t kThreads = 64, kDepth = 4, kText = 200;
  struct Thread {
    std::atomic<uint32_t> depth{0};
    char text[kDepth][kText] = {};
  };
  std::atomic<uint32_t> threads{0};
  std::atomic<uint32_t> step{0};  // moves with every call: a page that stands still is a hook that hangs
  Thread thread[kThreads];

  // "on_request of \"acme/x\" at [ENDPOINT: /p]", one per thread that is inside of something, joined by " and "; "" when none is.
  std::string what() const;
};

// The page of this process; nullptr: nobody wants to know. Set once, before threads.
inline RunningPage* running_page = nullptr;

// Around every call into the plugin. [any]
class Running {
 public:
  Running(const char* hook, std::string_view binding, std::string_view where);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  RunningPage::Thread* thread_ = nullptr;
};

}  // namespace sluice::app::check
