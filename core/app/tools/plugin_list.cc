#include "core/app/tools/plugin_list.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/base/digest.h"
#include "core/config/reader.h"
#include "core/pipeline/compile.h"
#include "core/plugin/elf.h"
#include "core/plugin/module.h"
#include "core/plugin/registry.h"

namespace sluice::app {
namespace {

std::string join_path(const std::string& folder, const std::string& name) { return folder.ends_with('/') ? folder + name : folder + "/" + name; }

void read(ListedPlugin& p, const plugin::Admission& admission) {
  auto refuse = [&](std::string why) {
    p.state = ListedPlugin::State::refused;
    if (p.why.empty()) p.why = std::move(why);
  };
  auto bytes = plugin::read_plugin(p.file);
  if (!bytes) return refuse(bytes.error().message);
  p.sha256 = sha256_hex(*bytes);
  auto allowed = admission.admit(p.file, *bytes);
  if (!allowed) {
    p.lock = ListedPlugin::Lock::refused;
    refuse(allowed.error().message);
  } else if (*allowed == plugin::Admission::State::allowed) {
    p.lock = ListedPlugin::Lock::allowed;
  }
  if (std::string wrong = plugin::elf::problem(*bytes); !wrong.empty()) return refuse(p.file + ": " + wrong);
  auto note = plugin::read_note(*bytes);
  if (!note) return refuse(p.file + ": " + note.error().message + ".");
  p.note = std::move(*note);
}

// Files of all folders, by their notes; `loaded` too when the scan of the gateway comes next.
void read_folders(PluginList& list, const std::vector<PluginFolder>& folders, const plugin::LockPolicy& policy) {
  for (const PluginFolder& folder : folders) {
    plugin::Admission admission{policy};
    auto entered = admission.enter(folder.path);
    if (!entered) list.problems.push_back(entered.error().message);
    auto names = plugin_files(folder);
    if (!names) {
      if (entered) list.problems.push_back(names.error().message);
      continue;
    }
    for (const std::string& name : *names) {
      ListedPlugin p;
      p.file = join_path(folder.path, name);
      if (!entered) p.state = ListedPlugin::State::refused, p.lock = ListedPlugin::Lock::refused, p.why = entered.error().message;
      read(p, admission);
      list.plugins.push_back(std::move(p));
    }
    for (std::string& gone : admission.missing(folder.path)) list.problems.push_back(std::move(gone));
  }
}

}  // namespace

uint64_t ListedPlugin::used() const {
  uint64_t n = more_uses;
  for (const PluginUse& u : uses) n += u.count;
  return n;
}

bool PluginList::any_refused() const {
  return std::any_of(plugins.begin(), plugins.end(), [](const ListedPlugin& p) { return p.state == ListedPlugin::State::refused; });
}

Result<std::vector<std::string>, Problem> plugin_files(const PluginFolder& folder) {
  namespace fs = std::filesystem;
  std::error_code ec;
  std::vector<std::string> names;
  for (fs::directory_iterator it{folder.path, ec}, end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    auto type = it->status(ignored).type();
    std::string name = it->path().filename().string();
    if ((type == fs::file_type::regular || type == fs::file_type::not_found) && name.find(folder.pattern) != name.npos) names.push_back(std::move(name));
  }
  if (ec) return Problem{"plugins folder " + folder.path + ": " + ec.message()};
  std::sort(names.begin(), names.end());
  return names;
}

PluginList list_plugins(const std::string& plugins_flag, const plugin::LockPolicy& policy) {
  PluginList list;
  read_folders(list, plugin_folders(plugins_flag, nullptr), policy);
  return list;
}

PluginList list_plugins_of(const std::string& config_file, const std::string& plugins_flag) {
  PluginList list;
  list.with_configuration = true;
  config::ReadOptions options;
  options.environment = config::process_environment();
  config::ReadResult read = config::read_file(config_file, options);
  list.report = std::move(read.report);
  list.compiled = false;
  if (!read.partial || !read.partial->tree) return list;
  const config::Config& config = *read.partial;
  const auto folders = plugin_folders(plugins_flag, &config);
  read_folders(list, folders, lock_policy(config));

  auto registry = std::make_unique<plugin::Registry>();
  plugin::ScanResult found = scan_plugins(*registry, folders, &config, plugin::Registry::Isolation::run);
  std::set<std::string> loaded;
  std::map<std::string, std::string> ids;  // by file
  for (const plugin::Binding* b : registry->bindings()) {
    loaded.insert(b->module->file());
    ids[b->module->file()] = b->plugin_id;
  }
  for (ListedPlugin& p : list.plugins) {
    if (loaded.contains(p.file)) {
      p.state = ListedPlugin::State::loaded;
      continue;
    }
    p.state = ListedPlugin::State::refused;
    if (!p.why.empty()) continue;
    for (const std::string& problem : found.problems)
      if (p.why.empty() && problem.find(p.file) != problem.npos) p.why = problem;
    for (const auto& r : found.refused)
      if (p.why.empty() && r.message.find(p.file) != r.message.npos) p.why = r.message;
    if (p.why.empty()) p.why = p.file + ": a file with the same content is loaded already.";
  }
  for (auto& r : found.refused) list.report.error(std::move(r.pointer), std::move(r.message));
  auto generation = pipeline::compile(read.partial, std::move(registry), {1, false, false}, list.report);
  list.report.locate(read.source);
  list.compiled = generation != nullptr;
  if (!generation) return list;
  auto uses = uses_of(*generation);
  for (ListedPlugin& p : list.plugins)
    if (auto id = ids.find(p.file); id != ids.end()) p.uses = uses[id->second];
  return list;
}

}  // namespace sluice::app
