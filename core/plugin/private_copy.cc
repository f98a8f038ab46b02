#include "core/plugin/private_copy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "core/base/text.h"

namespace sluice::plugin {
namespace {

class PrivateFolder {
 public:
  const std::string& path() {
    if (!path_.empty()) return path_;
    sweep();
    std::string name = (base() / (kPrefix + std::to_string(getpid()) + "-XXXXXX")).string();
    if (mkdtemp(name.data())) {
      path_ = name;
      owner_ = getpid();
      std::atexit([] { folder().remove(); });
    }
    return path_;
  }
  static PrivateFolder& folder() {
    static auto* f = new PrivateFolder;
    return *f;
  }

 private:
  inline static const std::string kPrefix = "sluice-plugins-";
  void remove() {
    std::error_code ec;
    if (owner_ == getpid()) std::filesystem::remove_all(path_, ec);
  }
  static std::filesystem::path base() {
    std::error_code ec;
    std::filesystem::path folder = std::filesystem::temp_directory_path(ec);
    return ec ? "/tmp" : folder;
  }
  // What killed processes of this user have left behind.
  static void sweep() {
    remove_if([](pid_t pid, const struct stat& st) {
      const bool young = std::time(nullptr) - st.st_mtime < 60;  // another container's process has no pid here
      return !young && kill(pid, 0) != 0 && errno == ESRCH;
    });
  }

 public:
  // Of folders of this user, by their process.
  template <class F>
  static void remove_if(F&& wanted) {
    std::error_code ec;
    for (std::filesystem::directory_iterator it{base(), ec}, end; !ec && it != end; it.increment(ec)) {
      std::string name = it->path().filename().string();
      if (!name.starts_with(kPrefix)) continue;
      struct stat st;
      auto pid = parse_decimal<int>(std::string_view{name}.substr(kPrefix.size(), name.find('-', kPrefix.size()) - kPrefix.size()));
      if (!pid || lstat(it->path().c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()) continue;
      std::error_code ignored;
      if (wanted(*pid, st)) std::filesystem::remove_all(it->path(), ignored);
    }
  }

 private:
  std::string path_;
  pid_t owner_ = 0;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

std::string copy_to_folder(const std::string& name, std::string_view bytes) {
  const std::string& folder = PrivateFolder::folder().path();
  if (folder.empty()) return {};
  std::string path = folder + "/" + name;
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0500);
  if (fd < 0) return {};
  bool ok = write_all(fd, bytes);
  ::close(fd);
  return ok ? path : std::string{};
}

std::string copy_to_memory(const std::string& name, std::string_view bytes) {
  int fd = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (fd < 0) return {};
  if (write_all(fd, bytes)) return "/proc/self/fd/" + std::to_string(fd);
  ::close(fd);
  return {};
}

bool copies_can_be_mapped() {
  const std::string& folder = PrivateFolder::folder().path();
  struct statvfs of;
  return !folder.empty() && statvfs(folder.c_str(), &of) == 0 && !(of.f_flag & ST_NOEXEC);
}

void remove_copies_of(pid_t ended) {
  PrivateFolder::remove_if([&](pid_t pid, const struct stat&) { return pid == ended; });
}

std::string from_outside(std::string path) {
  if (constexpr std::string_view kSelf = "/proc/self/"; path.starts_with(kSelf))
    path.replace(0, kSelf.size(), "/proc/" + std::to_string(getpid()) + "/");
  return path;
}

}  // namespace sluice::plugin
