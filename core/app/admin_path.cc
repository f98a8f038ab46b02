// Where gateways of this user have their doors.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/app/admin.h"
#include "core/base/text.h"

namespace sluice::app {
namespace {

constexpr std::string_view kPrefix = "sluice-", kEnding = ".sock";
constexpr const char* kServiceSocket = "/run/sluice/admin.sock";  // RuntimeDirectory=sluice of the documented unit

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  // RUNTIME_DIRECTORY is a list when a unit has several; the first is ours.
  return value ? std::string{value, std::strcspn(value, ":")} : std::string{};
}
std::string own_folder() { return "/tmp/sluice-" + std::to_string(::geteuid()); }

// Ours, and nobody else can put anything there.
bool is_private(const std::string& folder) {
  struct stat st;
  return ::lstat(folder.c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid() && (st.st_mode & 077) == 0;
}

void list(const std::string& folder, std::string_view prefix, std::vector<AdminSocket>& out) {
  DIR* dir = ::opendir(folder.c_str());
  if (!dir) return;
  while (const dirent* entry = ::readdir(dir)) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(prefix) || !name.ends_with(kEnding) || name.size() < prefix.size() + kEnding.size()) continue;
    auto pid = parse_decimal<int>(name.substr(prefix.size(), name.size() - prefix.size() - kEnding.size()));
    if (pid) out.push_back({folder + "/" + std::string{name}, *pid});
  }
  ::closedir(dir);
}

}  // namespace

Result<std::string, Problem> default_admin_path(int pid) {
  if (std::string runtime = variable("RUNTIME_DIRECTORY"); !runtime.empty()) return runtime + "/admin.sock";
  std::string name = std::to_string(pid) + std::string{kEnding};
  if (std::string session = variable("XDG_RUNTIME_DIR"); !session.empty() && is_private(session)) return session + "/" + std::string{kPrefix} + name;
  std::string folder = own_folder();
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return Problem{folder + ": " + std::strerror(errno)};
  if (!is_private(folder)) return Problem{folder + ": is not a folder of this user that nobody else may enter (mode 0700)"};
  return folder + "/" + name;
}

std::vector<AdminSocket> admin_sockets() {
  std::vector<AdminSocket> out;
  if (std::string runtime = variable("RUNTIME_DIRECTORY"); !runtime.empty()) out.push_back({runtime + "/admin.sock", 0});
  if (out.empty() || out.front().path != kServiceSocket) out.push_back({kServiceSocket, 0});
  if (std::string session = variable("XDG_RUNTIME_DIR"); !session.empty()) list(session, kPrefix, out);
  if (is_private(own_folder())) list(own_folder(), "", out);
  return out;
}

}  // namespace sluice::app
