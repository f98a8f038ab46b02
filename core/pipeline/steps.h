// A chain of hooks as one worker walks it: for each way a flat list of the functions to call, with the state that they get and
// the cell that counts them. What it takes to find these from a Hook is done once per worker and chain, at the first request, so
// that a request reads two rows of memory and none of the objects, accounts and tables behind them. The worker's thread only.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "core/plugin/worker.h"
#include "sluice/plugin.h"

namespace sluice::pipeline {

struct Chain;

struct Step {
  using Function = slc_action (*)(void*, slc_exchange*, void**) noexcept;
  using Last = void (*)(void*, slc_exchange*, void**) noexcept;
  union {
    Function hook = nullptr;  // nullptr: an around stage
    Last last;                // on_done
  };
  void* state = nullptr;
  plugin::CallSite site;
  uint32_t index = 0;  // in Chain::hooks
};

class Steps {
 public:
  // The states of the chain's objects have been started on this worker.
  Steps(const Chain&, const slc_worker&);
  // on_request and around stages, outermost first, from hook `first` on.
  std::span<const Step> in(uint32_t first) const {
    size_t at = 0;
    while (at < in_ && all_[at].index < first) ++at;
    return {all_.get() + at, in_ - at};
  }
  // on_response, in the order of the way out (Chain::way_out): of the hooks before `before`, down to `first`. A reply from the
  // midst of a group leaves some behind it among them: the caller skips steps that are not before `before`.
  std::span<const Step> out(uint32_t before, uint32_t first) const {
    size_t at = in_, end = in_ + out_;
    while (at < end && all_[at].index >= before) ++at;
    while (at < end && all_[end - 1].index < first) --end;
    return {all_.get() + at, end - at};
  }
  // on_done, innermost first.
  std::span<const Step> done() const { return {all_.get() + in_ + out_, done_}; }
  bool counted() const { return counted_; }  // every site has a cell

 private:
  std::unique_ptr<Step[]> all_;
  uint32_t in_ = 0, out_ = 0, done_ = 0;
  bool counted_ = true;
};

}  // namespace sluice::pipeline
