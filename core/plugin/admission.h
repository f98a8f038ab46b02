// Which plugin files may be loaded: the rules of files and folders (file_rules.h), and plugins.lock (lock_file.h) where there
// is one or where one is required. Decided on the very bytes that are mapped afterwards. One for each scan. [load]
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/lock_file.h"

namespace sluice::plugin {

// "plugin": {"lock": …, "public_key": …} of the configuration.
struct LockPolicy {
  enum class Mode : uint8_t {
    off,         // plugins.lock is not looked at
    if_present,  // a folder that has one loads only what it lists
    required,    // a folder without one loads nothing
  };
  Mode mode = Mode::if_present;
  std::string public_key;  // PEM file; set: plugins.lock must be signed with its private key
};

class Admission {
 public:
  enum class State : uint8_t { unlocked, allowed };  // no plugins.lock has a say; one lists these bytes

  explicit Admission(LockPolicy policy = {}) : policy_{std::move(policy)} {}
  const LockPolicy& policy() const { return policy_; }

  // What is admitted is loaded next: the load watch is asked, too (load_watch.h).
  void loads() { loads_ = true; }
  // Once before the files of a folder. Problem: none of them may be loaded.
  Result<bool, Problem> enter(const std::string& folder);
  // May these bytes, read from `file` in a folder that was entered, be loaded?
  Result<State, Problem> admit(const std::string& file, std::string_view bytes) const;
  // Of a folder that was entered: one message for each file that plugins.lock lists and that is not there.
  std::vector<std::string> missing(const std::string& folder) const;
  // nullptr: the folder has no plugins.lock that has a say.
  const LockFile* lock_of(const std::string& folder) const;

 private:
  LockPolicy policy_;
  bool loads_ = false;
  Result<State, Problem> allowed(const std::string& file, std::string_view bytes) const;
  std::map<std::string, LockFile> locks_;  // by folder, without slashes at the end
};

// Every file of a plugin is read through this: the rules, at most 512 MiB.
Result<std::string, Problem> read_plugin(const std::string& file);

// The folder's plugins.lock, and its signature if `public_key` is set. nullopt-like: `found` is false when there is none.
Result<LockFile, Problem> read_lock(const std::string& folder, const std::string& public_key, bool* found);

}  // namespace sluice::plugin
