// The memory that a worker of the gateway and a helper process share: two rings, one each way, and the eventfd for each. Made
// by the gateway and sealed, so that the helper cannot shrink it: a shrunk mapping would kill who reads it with SIGBUS.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/plugin/isolate/ring.h"

namespace sluice::plugin::isolate {

// Closes a descriptor. Move-only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_{fd} {}
  Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  static Fd event();  // an eventfd, non-blocking; invalid when there are no descriptors left
  static bool pair(Fd* ours, Fd* theirs);  // connected stream sockets. False: errno says why
  Fd copy() const;  // close-on-exec; invalid when there are no descriptors left

 private:
  int fd_ = -1;
};

// A sealed memory file of `size` zero bytes, mapped. The mapping ends with the object. Move-only.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept : at_{std::exchange(other.at_, nullptr)}, size_{other.size_} {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(at_, other.at_), std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping();
  // False: no descriptor, no memory. create() also gives the file.
  static bool create(size_t size, Mapping*, Fd* file);
  // A file of exactly that size.
  static bool adopt(const Fd& file, size_t size, Mapping*);
  void* at() const { return at_; }

 private:
  void* at_ = nullptr;
  size_t size_ = 0;
};

struct Segment {
  static constexpr size_t kRing = size_t{256} << 10;  // larger messages pass in pieces
  Mapping memory;
  Fd to_helper, to_gateway;  // eventfds
  // Makes one, and the file to send along with the eventfds.
  static std::optional<Segment> create(Fd* file);
  static std::optional<Segment> adopt(const Fd& file, Fd to_helper, Fd to_gateway);
  FrameWriter gateway_writer() const;
  FrameReader gateway_reader() const;
  FrameWriter helper_writer() const;
  FrameReader helper_reader() const;
};

// What a helper shows of itself at any moment, also after its death: which hook of which object it is in.
struct StatusPage {
  std::atomic<uint64_t> beat;    // moves with the begin and end of every call of the plugin
  std::atomic<uint64_t> object;  // 0: in none
  std::atomic<uint32_t> hook;    // Hook, message.h
};

}  // namespace sluice::plugin::isolate
