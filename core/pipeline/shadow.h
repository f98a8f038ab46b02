// Shadow backends: called with a copy of a request, their answers ignored (pipeline.md §11).
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/base/arena.h"

namespace sluice::pipeline {

class Exchange;
class ShadowStream;
struct EndpointPlan;

// The shadows that run on one worker. Each is an exchange of its own, with its own memory and deadline, so that nothing of it
// depends on the client's.
class Shadows {
 public:
  // Bounds per worker; what comes on top is dropped, since nobody waits for it.
  static constexpr uint32_t kMost = 512;
  static constexpr size_t kMostBytes = size_t{64} << 20;  // of request bodies

  Shadows() = default;
  ~Shadows();  // after the loop's end
  Shadows(const Shadows&) = delete;
  // Copies the request that `of` is about to send to its backends; the calls begin at the next turn of the loop, when the
  // real ones are on their way.
  void start(Exchange& of, const EndpointPlan& shadow);
  bool empty() const { return count_ == 0; }
  // Ends all of them now; before the HTTP client is closed.
  void end();

 private:
  friend class ShadowStream;
  BlockPool blocks_;
  ShadowStream* first_ = nullptr;
  uint32_t count_ = 0;
  size_t bytes_ = 0;
  bool dropping_ = false;  // said so in the log
};

}  // namespace sluice::pipeline
