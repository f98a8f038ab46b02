#include "core/plugin/crash_maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::plugin::crash {
namespace {

bool parse_hex(std::string_view& s, uint64_t* out) {
  uint64_t n = 0;
  size_t i = 0;
  for (; i < s.size() && i < 16; ++i) {
    char c = s[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) break;
    n = n << 4 | static_cast<uint64_t>(digit);
  }
  s.remove_prefix(i);
  *out = n;
  return i > 0;
}

// The file whose lines are being read, and where it begins. Lines of one file stand together.
struct Current {
  char path[512] = {};
  size_t length = 0;
  uint64_t base = 0;
  void see(const Mapping& m) {
    std::string_view path_now = m.path.substr(0, sizeof path);
    if (path_now.empty() || path_now == std::string_view{path, length}) return;
    std::memcpy(path, path_now.data(), path_now.size());
    length = path_now.size(), base = m.begin;
  }
};

void take(std::string_view line, Current& current, Frame* frames, size_t count) {
  Mapping m;
  if (!parse_mapping(line, &m)) return;
  current.see(m);
  std::string_view name = m.path.substr(m.path.rfind('/') + 1);
  if (name.size() > sizeof Frame{}.name) name.remove_prefix(name.size() - sizeof Frame{}.name);
  for (Frame* f = frames; f != frames + count; ++f) {
    if (f->address < m.begin || f->address >= m.end) continue;
    f->base = m.path.empty() ? m.begin : current.base;
    std::memcpy(f->name, name.data(), name.size());
    f->length = static_cast<uint8_t>(name.size());
  }
}

}  // namespace

bool parse_mapping(std::string_view line, Mapping* out) {
  if (!parse_hex(line, &out->begin) || !line.starts_with('-')) return false;
  line.remove_prefix(1);
  if (!parse_hex(line, &out->end) || !line.starts_with(' ')) return false;
  // permissions, offset, device, inode, then blanks and the path, which may have blanks itself
  for (int field = 0; field < 4; ++field) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    line.remove_prefix(std::min(line.find(' '), line.size()));
  }
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  out->path = line;
  return true;
}

void locate(Frame* frames, size_t count) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  static char buffer[4096];  // one report at a time
  Current current;
  size_t held = 0;
  for (;;) {
    ssize_t n = read(fd, buffer + held, sizeof buffer - held);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    held += static_cast<size_t>(n);
    std::string_view rest{buffer, held};
    for (size_t end; (end = rest.find('\n')) != rest.npos; rest.remove_prefix(end + 1)) take(rest.substr(0, end), current, frames, count);
    held = rest.size() == sizeof buffer ? 0 : rest.size();  // a line longer than any path can be: given up
    std::memmove(buffer, rest.data(), held);
  }
  close(fd);
}

}  // namespace sluice::plugin::crash
