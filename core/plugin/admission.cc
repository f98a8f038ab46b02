#include "core/plugin/admission.h"

#include <sys/stat.h>

#include "core/base/digest.h"
#include "core/plugin/elf.h"
#include "core/plugin/file_rules.h"
#include "core/plugin/note.h"
#include "core/plugin/signature.h"

namespace sluice::plugin {
namespace {

std::string without_slashes(std::string folder) {
  while (folder.size() > 1 && folder.back() == '/') folder.pop_back();
  return folder;
}
std::string folder_of(const std::string& file) {
  size_t slash = file.rfind('/');
  return slash == file.npos ? "." : without_slashes(file.substr(0, slash + 1));
}
std::string name_of(const std::string& file) { return file.substr(file.rfind('/') + 1); }
bool exists(const std::string& path) {
  struct stat st;
  return ::lstat(path.c_str(), &st) == 0;
}

std::string titled(std::string_view id, std::string_view version) {
  return id.empty() ? "" : " (" + std::string{id} + (version.empty() ? "" : " " + std::string{version}) + ")";
}
// What the note says, for people; the bytes may be anything.
std::string titled(std::string_view bytes) {
  if (!elf::problem(bytes).empty()) return {};
  auto note = read_note(bytes);
  return note && *note ? titled((*note)->id, (*note)->version) : std::string{};
}

}  // namespace

Result<std::string, Problem> read_plugin(const std::string& file) {
  constexpr size_t kLargestFile = size_t{512} << 20;
  return read_trusted(file, kLargestFile);
}

Result<LockFile, Problem> read_lock(const std::string& folder, const std::string& public_key, bool* found) {
  const std::string file = without_slashes(folder) + "/" + kLockName, signature_file = without_slashes(folder) + "/" + kLockSignature;
  *found = exists(file);
  if (!*found) return LockFile{};
  auto text = read_trusted(file, kLargestLock);
  if (!text) return text.error();
  if (!public_key.empty()) {
    const std::string sign_it = "sluice plugins lock --key PRIVATE.pem " + folder;
    if (!exists(signature_file))
      return Problem{file + ": has no signature (" + signature_file + "), and the configuration names a public_key. Sign it: " + sign_it};
    auto signature = read_trusted(signature_file, 4096);
    if (!signature) return signature.error();
    if (auto good = verify_signature(public_key, *text, *signature); !good)
      return Problem{file + ": " + good.error().message +
                     ". Either it or its signature was changed, or another key signed it. Look at what it lists before you sign it again: " + sign_it};
  }
  auto lock = parse_lock(*text);
  if (!lock) return Problem{file + ": " + lock.error().message + ". Write it anew: sluice plugins lock " + folder};
  return lock;
}

Result<bool, Problem> Admission::enter(const std::string& folder) {
  if (auto ok = check_folder(folder); !ok) return ok.error();
  if (policy_.mode == LockPolicy::Mode::off) return true;
  bool found = false;
  auto lock = read_lock(folder, policy_.public_key, &found);
  if (!lock) return lock.error();
  if (found) {
    locks_.insert_or_assign(without_slashes(folder), std::move(*lock));
  } else if (policy_.mode == LockPolicy::Mode::required) {
    return Problem{"plugins folder " + folder +
                   ": has no plugins.lock, and the configuration requires one (\"plugin\": {\"lock\": \"required\"}). Look at what is there, then write it: "
                   "sluice plugins lock " +
                   folder};
  }
  return true;
}

Result<Admission::State, Problem> Admission::admit(const std::string& file, std::string_view bytes) const {
  const std::string folder = folder_of(file);
  const LockFile* lock = lock_of(folder);
  if (!lock && policy_.mode == LockPolicy::Mode::required) return Problem{file + ": its folder has no plugins.lock, and one is required"};
  if (!lock) return State::unlocked;
  const std::string list = folder + "/" + kLockName, digest = sha256_hex(bytes);
  const std::string found = "sha256 " + digest + titled(bytes);
  auto entry = lock->files.find(name_of(file));
  if (entry == lock->files.end())
    return Problem{file + ": not listed in " + list + ", so nobody has allowed it; found " + found +
                   ". Remove the file, or, if it belongs there, allow it: sluice plugins lock " + folder};
  if (entry->second.sha256 != digest)
    return Problem{file + ": not the file that " + list + " allows; found " + found + ", wanted sha256 " + entry->second.sha256 +
                   titled(entry->second.id, entry->second.version) + ". Put the allowed file back, or, if the change is meant, allow it: sluice plugins lock " +
                   folder};
  return State::allowed;
}

const LockFile* Admission::lock_of(const std::string& folder) const {
  auto it = locks_.find(without_slashes(folder));
  return it == locks_.end() ? nullptr : &it->second;
}

std::vector<std::string> Admission::missing(const std::string& folder) const {
  std::vector<std::string> out;
  const LockFile* lock = lock_of(folder);
  if (!lock) return out;
  const std::string base = without_slashes(folder) + "/";
  for (const auto& [name, entry] : lock->files)
    if (!exists(base + name))
      out.push_back(base + name + ": listed in " + base + kLockName + titled(entry.id, entry.version) +
                    ", but not there. Put it back, or strike it off the list: sluice plugins lock " + folder);
  return out;
}

}  // namespace sluice::plugin
