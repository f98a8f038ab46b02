// The conversation between the gateway's supervisor and one helper process, over a socket: everything that is no hook.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/isolate/segment.h"
#include "core/plugin/isolate/wire.h"

namespace sluice::plugin::isolate {

enum class Control : uint8_t {
  // gateway → helper
  hello = 1,    // what to load, limits, log level; one descriptor: the status page
  create = 2,   // object, generation, binding, scope, where, the same in full, base pointer, configuration
  destroy = 3,  // object
  attach = 4,   // worker; three descriptors: segment, to_helper, to_gateway
  detach = 5,   // worker
  tree = 6,     // answer to ask_tree: object, scope, tree (0: absent), and the document when it is sent the first time
  sync = 7,     // number, to be sent back: everything before it is done, and the loop turns
  level = 8,    // log level
  forget_tree = 9,   // tree: no object has views of it any more
  export_state = 10, // number, object
  import_state = 11, // number, object, bytes; before the object's first hook
  start = 12,        // object: it is complete, its worker_start may run
  watch = 13,        // number, object, watch, scheme, refresh, hosts; answered with `state`
  unwatch = 14,      // watch
  sink_level = 15,   // number, object; answered with `state`
  sink_write = 16,   // object, level, time, message, place
  sink_flush = 17,   // object
  // helper → gateway
  loaded = 32,   // empty text, or why load() failed
  created = 33,  // object, status, whether it wants a stage, problems
  ask_tree = 34, // object, scope: surrounding()
  synced = 35,   // number
  log = 36,      // level, text
  define = 37,   // metric
  count = 38,    // metric values
  state = 39,    // number, status, bytes: answer to a question with that number
  publish = 40,  // watch, addresses
};

constexpr size_t kMostControl = size_t{512} << 20;

// A control frame being written: length, kind, then what the caller adds.
class Message {
 public:
  explicit Message(Control kind) : writer_{bytes_} {
    writer_.u32(0);
    writer_.u8(static_cast<uint8_t>(kind));
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  Writer* operator->() { return &writer_; }
  // `more`: values that somebody has written before.
  std::string take(std::string_view more = {}) {
    bytes_ += more;
    auto size = static_cast<uint32_t>(bytes_.size() - sizeof(uint32_t));
    std::memcpy(bytes_.data(), &size, sizeof size);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  Writer writer_;
};

// Bytes from a socket as control frames.
class ControlInput {
 public:
  void add(std::string_view bytes) { bytes_ += bytes; }
  // The next whole frame without its length; valid until the next call. False: none yet, or broken().
  bool next(std::string_view* frame);
  bool broken() const { return broken_; }

 private:
  std::string bytes_;
  size_t at_ = 0;  // behind the last frame
  bool broken_ = false;
};

// Frames for a socket that is never waited for, with the descriptors that go with them. One thread at a time.
class ControlOutput {
 public:
  void add(std::string frame, std::vector<Fd> descriptors = {}) { queue_.push_back({std::move(frame), std::move(descriptors), 0}); }
  bool empty() const { return queue_.empty(); }
  void clear() { queue_.clear(); }
  // What the socket takes now. False: nobody is there any more.
  bool flush(int socket);

 private:
  struct Item {
    std::string bytes;
    std::vector<Fd> descriptors;
    size_t sent;
  };
  std::deque<Item> queue_;
};

}  // namespace sluice::plugin::isolate
