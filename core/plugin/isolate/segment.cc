#include "core/plugin/isolate/segment.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::plugin::isolate {
namespace {

struct Layout {
  RingState calls, replies;  // gateway → helper, helper → gateway
  char call_bytes[Segment::kRing], reply_bytes[Segment::kRing];
};

Layout& layout(const Mapping& m) { return *static_cast<Layout*>(m.at()); }

}  // namespace

// Opened and closed by system calls, past ThreadSanitizer, as libuv closes its own: told of one side only, it takes a reused
// number for a race.
Fd::~Fd() {
  if (fd_ >= 0) ::syscall(SYS_close, fd_);
}
Fd Fd::event() { return Fd{static_cast<int>(::syscall(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK))}; }
bool Fd::pair(Fd* ours, Fd* theirs) {
  int pair[2];
  if (::syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return false;
  *ours = Fd{pair[0]}, *theirs = Fd{pair[1]};
  return true;
}
Fd Fd::copy() const { return Fd{fcntl(fd_, F_DUPFD_CLOEXEC, 3)}; }

Mapping::~Mapping() {
  if (at_) munmap(at_, size_);
}

bool Mapping::create(size_t size, Mapping* out, Fd* file) {
  Fd fd{memfd_create("sluice-isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return false;
  if (fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return false;
  *file = std::move(fd);
  return adopt(*file, size, out);
}

bool Mapping::adopt(const Fd& file, size_t size, Mapping* out) {
  struct stat st;
  if (fstat(file.get(), &st) != 0 || st.st_size != static_cast<off_t>(size)) return false;
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) return false;
  Mapping m;
  m.at_ = at, m.size_ = size;
  *out = std::move(m);
  return true;
}

std::optional<Segment> Segment::create(Fd* file) {
  Segment s;
  s.to_helper = Fd::event();
  s.to_gateway = Fd::event();
  if (!s.to_helper || !s.to_gateway || !Mapping::create(sizeof(Layout), &s.memory, file)) return std::nullopt;
  return s;
}

std::optional<Segment> Segment::adopt(const Fd& file, Fd to_helper, Fd to_gateway) {
  Segment s;
  s.to_helper = std::move(to_helper);
  s.to_gateway = std::move(to_gateway);
  if (!s.to_helper || !s.to_gateway || !Mapping::adopt(file, sizeof(Layout), &s.memory)) return std::nullopt;
  return s;
}

FrameWriter Segment::gateway_writer() const {
  Layout& l = layout(memory);
  return FrameWriter{RingWriter{&l.calls, l.call_bytes, kRing, to_helper.get()}};
}
FrameReader Segment::helper_reader() const {
  Layout& l = layout(memory);
  return FrameReader{RingReader{&l.calls, l.call_bytes, kRing, to_gateway.get()}};
}
FrameWriter Segment::helper_writer() const {
  Layout& l = layout(memory);
  return FrameWriter{RingWriter{&l.replies, l.reply_bytes, kRing, to_gateway.get()}};
}
FrameReader Segment::gateway_reader() const {
  Layout& l = layout(memory);
  return FrameReader{RingReader{&l.replies, l.reply_bytes, kRing, to_helper.get()}};
}

}  // namespace sluice::plugin::isolate
