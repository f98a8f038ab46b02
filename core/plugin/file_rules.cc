#include "core/plugin/file_rules.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/base/fd.h"

namespace sluice::plugin {
namespace {

std::string user_name(uid_t id) {
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (getpwuid_r(id, &entry, buffer, sizeof buffer, &found) == 0 && found) return std::string{"\""} + found->pw_name + "\"";
  return "number " + std::to_string(id);
}

// Empty: fine.
std::string wrong_hands(const struct stat& st, const std::string& path) {
  if (st.st_uid != 0 && st.st_uid != geteuid())
    return "belongs to the user " + user_name(st.st_uid) + ", who could put anything there, and it would run with the gateway's rights. Wanted: root" +
           (geteuid() == 0 ? "" : " or " + user_name(geteuid())) + ". Give it to root: chown root " + path;
  if (!(st.st_mode & (S_IWGRP | S_IWOTH))) return {};
  const bool all = st.st_mode & S_IWOTH;
  return std::string{all ? "everybody" : "its group"} + " may write to it, and it would run with the gateway's rights. Take that away: chmod " +
         (all ? st.st_mode & S_IWGRP ? "go-w " : "o-w " : "g-w ") + path;
}

Problem unreadable(const std::string& file) { return Problem{file + ": cannot be read: " + std::strerror(errno)}; }

std::string resolved(const std::string& path) {
  std::unique_ptr<char, void (*)(void*)> real{::realpath(path.c_str(), nullptr), std::free};
  return real ? real.get() : "";
}

std::string parent(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == 0 || slash == path.npos ? "/" : path.substr(0, slash);
}

}  // namespace

Result<bool, Problem> check_folder(const std::string& folder) {
  const std::string real = resolved(folder);
  struct stat st;
  if (real.empty() || ::stat(real.c_str(), &st) != 0) return Problem{"plugins folder " + folder + ": " + std::strerror(errno)};
  const std::string named = real == folder ? folder : folder + " (" + real + ")";
  if (!S_ISDIR(st.st_mode)) return Problem{"plugins folder " + named + ": not a folder"};
  if (std::string why = wrong_hands(st, real); !why.empty()) return Problem{"plugins folder " + named + ": " + why};
  for (std::string above = real; above != "/";) {
    above = parent(above);
    // Where everybody may write, only the sticky bit keeps people from renaming what is not theirs.
    if (::stat(above.c_str(), &st) == 0 && (st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
      return Problem{"plugins folder " + named + ": everybody may write to " + above +
                     " above it, and could put another folder in its place. Take that away: chmod o-w " + above};
  }
  return true;
}

Result<std::string, Problem> read_trusted(const std::string& file, size_t most) {
  // Not blocking: a pipe would wait for a writer before anybody could see that it is one.
  const Fd in{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat st;
  if (!in || ::fstat(in.get(), &st) != 0) return unreadable(file);
  if (!S_ISREG(st.st_mode)) return Problem{file + ": not a regular file"};
  const std::string real = resolved("/proc/self/fd/" + std::to_string(in.get()));
  const std::string& path = real.empty() ? file : real;
  if (std::string why = wrong_hands(st, path); !why.empty()) return Problem{file + ": " + why};
  if (!real.empty())
    if (auto ok = check_folder(parent(real)); !ok) return Problem{file + ": " + ok.error().message};
  if (static_cast<uint64_t>(st.st_size) > most) return Problem{file + ": larger than " + std::to_string(most >> 20) + " MiB"};
  std::string bytes(static_cast<size_t>(st.st_size), '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    ssize_t n = ::read(in.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(file);
    if (n == 0) return Problem{file + ": became shorter while it was read. Put plugins in place by renaming, not by writing over them."};
    got += static_cast<size_t>(n);
  }
  return bytes;
}

}  // namespace sluice::plugin
