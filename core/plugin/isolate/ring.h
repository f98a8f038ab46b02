// A stream of bytes between two processes: one writer and one reader in shared memory, woken through eventfds. Neither side
// believes the other: each keeps its own position to itself and checks the one that it reads, so a process that scribbles over
// the shared memory spoils the bytes, which their receiver checks anyway, and nothing else.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::plugin::isolate {

// In shared memory; all zero is an empty ring.
struct RingState {
  alignas(64) std::atomic<uint64_t> head;  // bytes ever written: the writer's
  alignas(64) std::atomic<uint64_t> tail;  // bytes ever read: the reader's
  alignas(64) std::atomic<uint32_t> reader_sleeps;
  std::atomic<uint32_t> writer_waits;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

// Adds one to an eventfd; never waits. [any]
void ring_bell(int eventfd);
// Takes what an eventfd holds; never waits. [any]
void silence_bell(int eventfd);

// One thread. `capacity` is a power of two. `bell` wakes the reader; it stays the caller's.
class RingWriter {
 public:
  RingWriter() = default;
  RingWriter(RingState* state, char* bytes, size_t capacity, int bell)
      : state_{state}, bytes_{bytes}, capacity_{capacity}, bell_{bell} {}
  // Puts in as many bytes as there is room for and wakes the reader if it sleeps; how many. When not all fit, the reader will
  // ring back once it has made room.
  size_t write(std::string_view);
  uint64_t written() const { return head_; }
  // How many of them the reader has taken out.
  uint64_t taken();
  bool broken() const { return broken_; }  // the reader's position is none: nothing more can be written

 private:
  RingState* state_ = nullptr;
  char* bytes_ = nullptr;
  size_t capacity_ = 0;
  int bell_ = -1;
  uint64_t head_ = 0, tail_ = 0;
  bool broken_ = false;
};

// One thread. `bell` wakes a writer that waits for room.
class RingReader {
 public:
  RingReader() = default;
  RingReader(RingState* state, const char* bytes, size_t capacity, int bell)
      : state_{state}, bytes_{bytes}, capacity_{capacity}, bell_{bell} {}
  // Copies at most `most` bytes out; how many.
  size_t read(char* out, size_t most);
  // Says that the next bytes must ring. False: there are some already, go on reading.
  bool sleep();
  bool broken() const { return broken_; }  // the writer's position is none: nothing more can be read

 private:
  size_t available();
  RingState* state_ = nullptr;
  const char* bytes_ = nullptr;
  size_t capacity_ = 0;
  int bell_ = -1;
  uint64_t tail_ = 0;
  bool broken_ = false;
};

// Frames: a length of four bytes, then so many bytes.
constexpr size_t kMostFrame = size_t{80} << 20;

// Writes frames; keeps what the ring has no room for.
class FrameWriter {
 public:
  FrameWriter() = default;
  explicit FrameWriter(RingWriter ring) : ring_{ring} {}
  // `frame` begins with room for the length, which is filled in. The stream's position behind the frame.
  uint64_t send(std::string& frame);
  void flush();  // there may be room again
  size_t kept() const { return kept_.size() - sent_; }
  uint64_t taken() { return ring_.taken(); }
  bool broken() const { return ring_.broken(); }

 private:
  RingWriter ring_;
  std::string kept_;
  size_t sent_ = 0;  // of kept_
};

// Reads frames, taking no byte of the next one before it is asked for.
class FrameReader {
 public:
  FrameReader() = default;
  explicit FrameReader(RingReader ring) : ring_{ring} {}
  // True: *frame is a whole frame, valid until the next call. False: not yet, or broken().
  bool next(std::string_view* frame);
  bool sleep() { return ring_.sleep(); }
  bool broken() const { return broken_ || ring_.broken(); }

 private:
  RingReader ring_;
  char length_[4];
  size_t have_ = 0;   // bytes of the length, then of the frame, that have come
  uint32_t size_ = 0;
  bool in_frame_ = false, broken_ = false;
  std::string frame_;
};

}  // namespace sluice::plugin::isolate
