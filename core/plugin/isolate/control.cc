#include "core/plugin/isolate/control.h"

#include <sys/socket.h>

#include <cerrno>

namespace sluice::plugin::isolate {

bool ControlInput::next(std::string_view* frame) {
  // Not after every frame: thousands of small ones may have come at once.
  if (at_ > bytes_.size() / 2) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  uint32_t size;
  if (broken_ || bytes_.size() - at_ < sizeof size) return false;
  std::memcpy(&size, bytes_.data() + at_, sizeof size);
  if (size == 0 || size > kMostControl) {
    broken_ = true;
    return false;
  }
  if (bytes_.size() - at_ - sizeof size < size) return false;
  *frame = std::string_view{bytes_}.substr(at_ + sizeof size, size);
  at_ += sizeof size + size;
  return true;
}

bool ControlOutput::flush(int socket) {
  while (!queue_.empty()) {
    Item& item = queue_.front();
    iovec bytes{item.bytes.data() + item.sent, item.bytes.size() - item.sent};
    msghdr m{};
    m.msg_iov = &bytes, m.msg_iovlen = 1;
    alignas(cmsghdr) char room[CMSG_SPACE(3 * sizeof(int))];
    if (!item.descriptors.empty()) {
      int fds[3];
      size_t n = 0;
      for (Fd& fd : item.descriptors)
        if (n < 3) fds[n++] = fd.get();
      m.msg_control = room, m.msg_controllen = CMSG_SPACE(n * sizeof(int));
      cmsghdr* c = CMSG_FIRSTHDR(&m);
      c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(n * sizeof(int));
      std::memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    }
    ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS;
    }
    item.descriptors.clear();  // they go with the first byte
    item.sent += static_cast<size_t>(n);
    if (item.sent == item.bytes.size()) queue_.pop_front();
  }
  return true;
}

}  // namespace sluice::plugin::isolate
