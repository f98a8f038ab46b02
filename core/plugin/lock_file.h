// plugins.lock: which files of a plugins folder may be loaded. JSON, so that people can read it and reviews show its changes:
//
//   {"version": 1, "plugins": {"jwt.so": {"sha256": "9f86…", "id": "acme.jwt", "version": "2.3.0"}}}
//
// Only sha256 decides; id and version tell people what it was. The signature, where there is one, stands beside it in
// plugins.lock.sig: 64 bytes over the file as it is, so that `openssl pkeyutl -sign -rawin` makes it as well. [any]
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sluice::plugin {

inline constexpr const char* kLockName = "plugins.lock";
inline constexpr const char* kLockSignature = "plugins.lock.sig";
inline constexpr size_t kLargestLock = size_t{16} << 20;

struct LockEntry {
  std::string sha256, id, version;  // 64 lower-case hexadecimal digits; the others may be empty
};

struct LockFile {
  std::map<std::string, LockEntry> files;  // by name in the folder
};

// Problem: what is wrong with the text, with its place in it.
Result<LockFile, Problem> parse_lock(std::string_view text);
std::string format_lock(const LockFile&);

}  // namespace sluice::plugin
