// One worker's event loop: RAII over libuv. Everything here belongs to the loop's thread unless marked [any].
#pragma once
#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/base/arena.h"
#include "core/loop/deadlines.h"
#include "core/loop/gathering.h"

namespace sluice::loop {

// 128 KiB that reads go into, shared by all connections of a worker. Someone who must keep bytes past the read callback
// takes a reference; the loop then reads into another block. Not thread-safe.
struct ReadBlock {
  static constexpr size_t kSize = 128 * 1024;
  uint32_t refs = 1;
  char bytes[kSize];
};

class Loop {
 public:
  Loop();
  ~Loop();  // the loop must be stopped and every handle closed (run() returned)
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* uv() { return &uv_; }
  // Runs until stop() and then until every handle is closed.
  void run();
  // [any] Ends run() once every other handle is closed: closes the loop's own. Owners of handles close theirs first.
  void stop();
  // [any] Runs `fn` on the loop, in order of posting. False: the loop has ended; `fn` is dropped, destroyed by the caller's thread.
  bool post(std::function<void()> fn);
  uint64_t now_ms() { return uv_now(&uv_); }

  Deadlines& deadlines() { return deadlines_; }
  BlockPool& blocks() { return blocks_; }
  Gathering& gathering() { return gathering_; }

  // Where the next read goes. Never null; ReadBlock::kSize bytes.
  ReadBlock* read_block();
  // Keeps the current block alive for somebody beyond the callback; give it back with release().
  ReadBlock* share_read_block() { return ++block_->refs, block_; }
  bool in_read_block(const void* p) const {
    auto* c = static_cast<const char*>(p);
    return block_ && c >= block_->bytes && c < block_->bytes + ReadBlock::kSize;
  }
  void release(ReadBlock*);

  // "Mon, 23 Nov 2026 05:28:03 GMT" (RFC 9110 §5.6.7), refreshed at most once a second.
  std::string_view http_date();

  int index = 0;  // of the worker

 private:
  static void on_async(uv_async_t*);
  uv_loop_t uv_;
  uv_async_t async_;
  BlockPool blocks_;
  Deadlines deadlines_;
  Gathering gathering_;
  ReadBlock* block_ = nullptr;
  std::vector<ReadBlock*> spare_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopping_ = false, closed_ = false;
  char date_[32];
  int64_t date_second_ = 0;
};

}  // namespace sluice::loop
