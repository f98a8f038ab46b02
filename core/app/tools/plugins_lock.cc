// sluice plugins lock, sluice plugins verify.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/app/options.h"
#include "core/app/tools/plugins.h"
#include "core/app/tools/tool.h"
#include "core/base/digest.h"
#include "core/plugin/elf.h"
#include "core/plugin/registry.h"
#include "core/plugin/signature.h"

namespace sluice::app {
namespace {

void say(FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}
int fail(const std::string& text) { return say(stderr, "Error: " + text + "\n"), kFailure; }

struct Arguments {
  std::string folder, key, pattern = ".so";
};
// nullopt: the usage was wrong, and that has been said.
std::optional<Arguments> parse(std::span<const std::string> given, const char* key_flag) {
  Arguments a;
  CLI::App app;
  app.set_help_flag();
  app.add_option("folder", a.folder);
  app.add_option(key_flag, a.key);
  app.add_option("--pattern", a.pattern);
  try {
    app.parse(std::vector<std::string>{given.rbegin(), given.rend()});
  } catch (const CLI::ParseError& e) {
    usage_failure(kPluginsTool, e.what());
    return std::nullopt;
  }
  if (a.folder.empty()) a.folder = plugin::default_folder();
  while (a.folder.size() > 1 && a.folder.back() == '/') a.folder.pop_back();
  return a;
}

// Whole or not at all: a gateway that reads meanwhile sees the old file or the new one.
Result<bool, Problem> replace_file(const std::string& path, std::string_view content) {
  const std::string fresh = path + ".new-" + std::to_string(::getpid());
  auto failed = [&](const char* what) {
    Problem p{path + ": cannot be " + what + ": " + std::strerror(errno)};
    ::unlink(fresh.c_str());
    return p;
  };
  int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return failed("written");
  // Whatever the umask is: the rules of the folder hold for this file too.
  bool good = ::fchmod(fd, 0644) == 0;
  for (std::string_view rest = content; good && !rest.empty();) {
    ssize_t n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) good = false;
    else rest.remove_prefix(static_cast<size_t>(n));
  }
  good = good && ::fsync(fd) == 0;
  if (::close(fd) != 0 || !good) return failed("written");
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed("put in place");
  return true;
}

}  // namespace

int plugins_lock(std::span<const std::string> given) {
  auto a = parse(given, "--key");
  if (!a) return kUsage;
  auto names = plugin_files({a->folder, a->pattern});
  if (!names) return fail(names.error().message);
  if (names->empty()) return fail("plugins folder " + a->folder + ": no file there has \"" + a->pattern + "\" in its name; nothing was written");
  plugin::LockFile lock;
  std::string listed;
  for (const std::string& name : *names) {
    const std::string file = a->folder + "/" + name;
    // What the gateway would refuse whatever the list says is not listed.
    auto bytes = plugin::read_plugin(file);
    if (!bytes) return fail(bytes.error().message + "\nNothing was written.");
    std::string wrong = plugin::elf::problem(*bytes);
    if (!wrong.empty()) return fail(file + ": " + wrong + ". Remove the file; nothing was written.");
    auto note = plugin::read_note(*bytes);
    if (!note) return fail(file + ": " + note.error().message + ". Nothing was written.");
    plugin::LockEntry entry{sha256_hex(*bytes), "", ""};
    if (*note) entry.id = (*note)->id, entry.version = (*note)->version;
    listed += "  " + entry.sha256.substr(0, 16) + "…  " + name + (entry.id.empty() ? "" : "  (" + entry.id + " " + entry.version + ")") + "\n";
    lock.files.emplace(name, std::move(entry));
  }
  const std::string file = a->folder + "/" + plugin::kLockName, signature_file = a->folder + "/" + plugin::kLockSignature;
  const std::string text = plugin::format_lock(lock);
  std::string signature;
  if (!a->key.empty()) {
    auto made = plugin::sign(a->key, text);
    if (!made) return fail(made.error().message);
    signature = std::move(*made);
  } else if (::access(signature_file.c_str(), F_OK) == 0) {
    return fail(signature_file +
                " is the signature of the list before, and gateways with its \"public_key\" refuse a folder without one. Give --key to sign the new "
                "list, or remove that file. Nothing was written.");
  }
  if (auto ok = replace_file(file, text); !ok) return fail(ok.error().message);
  if (!signature.empty())
    if (auto ok = replace_file(signature_file, signature); !ok) return fail(ok.error().message);
  say(stdout, file + " lists " + std::to_string(lock.files.size()) + (lock.files.size() == 1 ? " file" : " files") + (signature.empty() ? "" : ", signed") +
                  ":\n" + listed);
  return kClean;
}

int plugins_verify(std::span<const std::string> given) {
  auto a = parse(given, "--public-key");
  if (!a) return kUsage;
  plugin::LockPolicy policy{plugin::LockPolicy::Mode::required, a->key};
  plugin::Admission admission{policy};
  if (auto ok = admission.enter(a->folder); !ok) return fail(ok.error().message);
  auto names = plugin_files({a->folder, a->pattern});
  if (!names) return fail(names.error().message);
  size_t wrong = 0;
  auto complain = [&](const std::string& text) { ++wrong, say(stderr, text + "\n"); };
  for (const std::string& name : *names) {
    const std::string file = a->folder + "/" + name;
    auto bytes = plugin::read_plugin(file);
    if (!bytes) {
      complain(bytes.error().message);
      continue;
    }
    if (auto allowed = admission.admit(file, *bytes); !allowed) complain(allowed.error().message);
  }
  for (const std::string& gone : admission.missing(a->folder)) complain(gone);
  if (wrong) return fail(std::to_string(wrong) + (wrong == 1 ? " file is" : " files are") + " not what " + a->folder + "/" + plugin::kLockName + " says");
  say(stdout, "All " + std::to_string(names->size()) + " files are what " + a->folder + "/" + plugin::kLockName + " lists" +
                  (a->key.empty() ? "" : ", and the list is signed") + ".\n");
  return kClean;
}

}  // namespace sluice::app
