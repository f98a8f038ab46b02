// Plugin files that the gateway is not to map are mapped by a process for each, which says what is in it (description.h) and
// ends. Static constructors and get_interface run there and nowhere else; whatever they do, the gateway is told in words.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/isolate/control.h"
#include "core/plugin/isolate/description.h"

namespace sluice::plugin::isolate {

constexpr uint64_t kDescribeLimitMs = 30'000;  // for one file
constexpr size_t kDescribeAtOnce = 8;          // processes

struct DescribeRequest {
  std::string file;                        // as messages call it
  std::string title;                       // the same with id and version, as far as they are known
  std::string copy;                        // the image, as another process finds it
  uint32_t memory_mb = 0;                  // address space of the process; 0: no limit
  uint64_t limit_ms = kDescribeLimitMs;
  const char* program = "/proc/self/exe";  // another one: for tests
};
using Described = Result<std::shared_ptr<const Description>, Problem>;

// One answer for each request, in their order. Problem: what the loader says of the file, or "… cannot be isolated: it crashed in
// its static constructors: SIGSEGV (Segmentation fault)". Blocks until all processes have ended. [load]
std::vector<Described> describe_all(const std::vector<DescribeRequest>&);

// The whole of what a describing process says, taken piece by piece. It may say anything.
class Telling {
 public:
  enum class Phase : uint8_t { starting, loading, asking };  // nothing is known of it; static constructors run; get_interface does
  explicit Telling(std::string file) : file_{std::move(file)} {}
  void add(std::string_view bytes);
  // Nothing more is expected: it has said all, or nonsense.
  bool over() const { return over_; }
  Phase phase() const { return phase_; }
  // When it is over.
  const Described& answer() const { return answer_; }

 private:
  void take(std::string_view frame);
  void nonsense();
  std::string file_;
  ControlInput input_;
  size_t size_ = 0;
  Phase phase_ = Phase::starting;
  bool over_ = false;
  Described answer_{Problem{}};
};

// `sluice isolate-helper PARENT describe FILE COPY MEMORY CRASH-FOLDER`, with the socket as descriptor 3. Does not return.
[[noreturn]] void describe_main(char** values);
constexpr int kDescribeCount = 8;  // of its arguments with the program's name, which tells it from a helper

}  // namespace sluice::plugin::isolate
