// Calls over a Unix socket, any number at once, on one thread that never blocks on any of them.
#pragma once
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace example {

inline constexpr size_t kMostCalls = 256;
inline constexpr size_t kLongestAnswer = 16u << 20;

// One call. Between submit() and finished() it belongs to the client's thread, except for what is marked.
class Call {
 public:
  virtual ~Call() = default;
  // On the client's thread, once, last of all: the call belongs to whoever takes it here.
  virtual void finished(std::unique_ptr<Call> self) noexcept = 0;

  std::string out;                     // the request
  std::string in;                      // what came until the end of the connection
  std::string problem;                 // not empty: why there is no answer
  std::atomic<bool> abandoned{false};  // [any] nobody waits any more: end it soon

 private:
  friend class Client;
  int fd_ = -1;
  size_t sent_ = 0;
};

class Client {
 public:
  // False: the path is too long for a Unix socket, or the system has no thread or descriptor left.
  static std::unique_ptr<Client> start(const std::string& path);
  // Ends the calls that are still running, without finished(): whoever waited for them is gone by now.
  ~Client();

  bool submit(std::unique_ptr<Call> call);  // [any] false: as many calls as may be are running
  void wake();                              // [any] look at `abandoned` now

 private:
  Client() = default;
  void run();
  bool open(Call& call);
  bool step(Call& call, short events);  // true: the call has come to its end

  sockaddr_un address_{};
  int wake_ = -1;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Call>> arriving_;  // under mutex_
  size_t running_ = 0;                           // under mutex_
  bool ending_ = false;                          // under mutex_
  std::thread thread_;
};

}  // namespace example
