#include "core/loop/socket_io.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace sluice::loop {
namespace {

// Up to here a copy costs less than the kernel's work on several pieces.
constexpr size_t kFlat = 2048;
constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

int descriptor(const uv_handle_t* h) {
  uv_os_fd_t fd = -1;
  (void)uv_fileno(h, &fd);
  return fd;
}

template <class Call>
ssize_t retried(Call call) {
  ssize_t n;
  do n = call();
  while (n < 0 && errno == EINTR);
  return n;
}

// System calls without glibc's functions around them, which are points of cancellation: nobody cancels threads here. But
// ThreadSanitizer has to see what threads tell each other through sockets.
#if defined(__SANITIZE_THREAD__)
#define SLC_SEEN_CALLS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLC_SEEN_CALLS 1
#endif
#endif
#ifdef SLC_SEEN_CALLS
ssize_t send_bytes(int fd, const char* bytes, size_t size) { return ::send(fd, bytes, size, kFlags); }
ssize_t send_message(int fd, const msghdr& message) { return ::sendmsg(fd, &message, kFlags); }
ssize_t receive_bytes(int fd, char* to, size_t room) { return ::recv(fd, to, room, MSG_DONTWAIT); }
#else
ssize_t send_bytes(int fd, const char* bytes, size_t size) { return ::syscall(SYS_sendto, fd, bytes, size, kFlags, nullptr, 0); }
ssize_t send_message(int fd, const msghdr& message) { return ::syscall(SYS_sendmsg, fd, &message, kFlags); }
ssize_t receive_bytes(int fd, char* to, size_t room) { return ::syscall(SYS_recvfrom, fd, to, room, MSG_DONTWAIT, nullptr, nullptr); }
#endif

}  // namespace

int try_send(uv_stream_t* stream, const uv_buf_t* bufs, unsigned count) {
  if (uv_stream_get_write_queue_size(stream) != 0) return UV_EAGAIN;
  const int fd = descriptor(reinterpret_cast<const uv_handle_t*>(stream));
  if (fd < 0) return UV_EBADF;
  size_t total = 0;
  for (unsigned i = 0; i < count; ++i) total += bufs[i].len;
  ssize_t n;
  if (count == 1) {
    n = retried([&] { return send_bytes(fd, bufs[0].base, std::min<size_t>(bufs[0].len, INT_MAX)); });
  } else if (total <= kFlat) {
    char flat[kFlat];
    size_t size = 0;
    for (unsigned i = 0; i < count; ++i)
      if (bufs[i].len) std::memcpy(flat + size, bufs[i].base, bufs[i].len), size += bufs[i].len;
    n = retried([&] { return send_bytes(fd, flat, size); });
  } else {
    msghdr message{};
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<uv_buf_t*>(bufs));  // laid out alike (libuv, uv/unix.h)
    message.msg_iovlen = std::min<unsigned>(count, IOV_MAX);
    n = retried([&] { return send_message(fd, message); });
  }
  if (n >= 0) return static_cast<int>(std::min<ssize_t>(n, INT_MAX));
  return errno == EAGAIN || errno == ENOBUFS ? int{UV_EAGAIN} : uv_translate_sys_error(errno);
}

uv_buf_t Receiver::fill(uv_handle_t* stream, char* to, size_t room) {
  room_ = static_cast<uint32_t>(std::min<size_t>(room, INT_MAX));
  if (full_) return uv_buf_init(to, room_);
  const int fd = descriptor(stream);
  const ssize_t n = retried([&] { return receive_bytes(fd, to, room_); });
  if (n > 0)
    size_ = static_cast<int32_t>(n);
  else if (n == 0)
    size_ = UV_EOF;
  else
    size_ = errno == EAGAIN ? 0 : uv_translate_sys_error(errno);
  return uv_buf_init(to, 0);
}

ssize_t Receiver::took(uv_stream_t* stream, ssize_t n) {
  if (n == UV_ENOBUFS) n = size_;
  full_ = n > 0 && static_cast<size_t>(n) == room_;
  if (n < 0) uv_read_stop(stream);
  return n;
}

}  // namespace sluice::loop
