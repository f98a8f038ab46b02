#include "core/plugin/registry.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include "core/base/text.h"
#include "core/plugin/isolate/isolated.h"
#include "core/plugin/load_watch.h"
#include "core/plugin/module.h"

namespace sluice::plugin {

namespace {

// In the place of an isolated resolver where nothing of it may run: knows no hosts.
const slc_resolver kSilentResolver = [] {
  slc_resolver r{};
  r.size = sizeof r;
  r.watch = [](void*, const slc_resolver_query*, slc_host_list*, slc_status (*)(slc_host_list*, const slc_address*, uint32_t) noexcept, void** watch) noexcept {
    *watch = nullptr;
    return slc_status{SLC_OK};
  };
  return r;
}();

}  // namespace

struct Registry::Impl {
  // Names are looked up within a group: all namespaces are one (""), and each kind of interface that is named otherwise.
  using Key = std::pair<std::string, std::string>;
  LockPolicy lock_policy;
  std::vector<std::shared_ptr<Module>> modules;
  std::deque<Binding> bindings;  // addresses stay
  // Several under one key: a plugin that has another stage at each level binds its name once for each.
  using Names = std::map<Key, std::vector<const Binding*>>;
  Names names, aliases;
  std::map<std::string, const Binding*> defaults;
  struct Isolated {
    config::IsolatedPlugin rule;
    bool found = false;
  };
  std::vector<Isolated> isolation;
  Isolation mode = Isolation::run;
  std::vector<std::shared_ptr<isolate::Isolated>> isolated;
  std::map<std::string, Isolated*> rule_of_content;  // files of the folder that is scanned, by fingerprint

  // Encodings and sd names are case-insensitive in the reference; namespaces are not.
  static Key value_key(std::string_view interface_id, std::string_view name) { return {std::string{interface_id}, to_lower(name)}; }
  static Key space_key(std::string_view name) { return {std::string{}, std::string{name}}; }
  static Key key(const slc_binding& b, std::string_view name) { return b.scopes ? space_key(name) : value_key(b.interface_id, name); }
  static const Binding* at(const Names& m, const Key& k, uint32_t scopes = ~0u) {
    auto it = m.find(k);
    if (it == m.end()) return nullptr;
    for (const Binding* b : it->second)
      if (b->spec->scopes & scopes) return b;
    return it->second.front();
  }

  void add(std::shared_ptr<Module> module, ScanResult& result);
  std::string clash(const Module&) const;
  Isolated* rule_for(const std::string& file, std::string_view id);
  static std::string load(Module&);
  Isolated* rule_for(const Module&);
  // A file whose module is not mapped here, or that cannot be told apart from one yet.
  struct Apart {
    Isolated* rule = nullptr;  // nullptr: it has no note, so the list may name it by its id
    Result<std::shared_ptr<Module>, Problem> module{Problem{}};
  };
  std::map<std::string, Apart> describe(const std::string& base, const std::vector<std::string>& names, const Admission&);
  Result<std::shared_ptr<Module>, Problem> open(const std::string& file, const Admission&, Isolated** rule);
};

Registry::Impl::Isolated* Registry::Impl::rule_for(const std::string& file, std::string_view id) {
  for (Isolated& i : isolation)
    if (is_called(i.rule.name, file, id)) return &i;
  return nullptr;
}

Registry::Impl::Isolated* Registry::Impl::rule_for(const Module& m) {
  if (Isolated* rule = rule_for(m.file(), m.entry().id)) return rule;
  auto it = m.described() ? rule_of_content.find(m.fingerprint()) : rule_of_content.end();
  return it == rule_of_content.end() ? nullptr : it->second;
}

// All files of a folder that rules isolate, by name: what they are is found out side by side. Names decide, and the ids in notes,
// which nothing of the file has to run for.
auto Registry::Impl::describe(const std::string& base, const std::vector<std::string>& names, const Admission& admission)
    -> std::map<std::string, Apart> {
  rule_of_content.clear();
  std::map<std::string, Apart> all;
  if (isolation.empty()) return all;
  std::vector<Module::File> files;
  std::vector<Apart*> of;
  for (const std::string& name : names) {
    auto file = Module::look_at(base + name, &admission);
    if (!file) continue;  // told when its turn comes
    Isolated* rule = rule_for(file->path, file->note ? file->note->id : std::string{});
    if (!rule && file->note) continue;
    Module::keep(*file);
    file->memory_mb = rule ? rule->rule.memory_mb : 0;
    if (rule) rule_of_content.emplace(file->fingerprint, rule);
    Apart& a = all[name];
    a.rule = rule;
    of.push_back(&a);
    files.push_back(std::move(*file));
  }
  auto modules = Module::describe(files);
  for (size_t i = 0; i < of.size(); ++i) of[i]->module = std::move(modules[i]);
  return all;
}

// One that nothing was known of, or that describe() saw no reason to keep apart: it may be another file by now, or has the content
// of one that is. `rule`: the one that names it.
Result<std::shared_ptr<Module>, Problem> Registry::Impl::open(const std::string& path, const Admission& admission, Isolated** rule) {
  auto file = Module::look_at(path, &admission);
  *rule = rule_for(path, file && file->note ? file->note->id : std::string{});
  if (!file) return file.error();
  if (isolation.empty()) return Module::open(std::move(*file));
  if (!*rule && file->note && rule_of_content.empty()) return Module::open(std::move(*file));
  Module::keep(*file);
  if (auto it = rule_of_content.find(file->fingerprint); !*rule && it != rule_of_content.end()) *rule = it->second;
  if (!*rule && file->note) return Module::open(std::move(*file));
  if (*rule) rule_of_content.emplace(file->fingerprint, *rule);
  file->memory_mb = *rule ? (*rule)->rule.memory_mb : 0;
  return std::move(Module::describe({std::move(*file)}).front());
}

// What two modules (or one, twice) claim, as a message; empty: nothing.
std::string Registry::Impl::clash(const Module& m) const {
  auto both = [&](const Binding* other, const std::string& what) {
    return other->module->file() + " and " + m.file() + " both " + what + ". Remove one.";
  };
  std::map<Key, uint32_t> own;  // the scopes that are taken
  std::map<std::string, int> own_defaults;
  for (const Module::Offer& o : m.offers()) {
    Key k = key(*o.spec, o.spec->name);
    if (const Binding* other = at(names, k)) return both(other, "provide \"" + std::string{o.spec->name} + "\"");
    // One name at different levels is fine: only then is it clear which binding a block means.
    if (auto [it, fresh] = own.emplace(std::move(k), o.spec->scopes); !fresh) {
      if (!o.spec->scopes || (it->second & o.spec->scopes)) return m.title() + ": binds \"" + o.spec->name + "\" twice.";
      it->second |= o.spec->scopes;
    }
    for (const char* const* a = o.spec->aliases; a && *a; ++a)
      if (const Binding* other = at(aliases, key(*o.spec, *a)))
        return both(other, "provide \"" + std::string{*a} + "\"");
    if (!(o.spec->flags & SLC_BIND_DEFAULT)) continue;
    if (auto it = defaults.find(o.spec->interface_id); it != defaults.end())
      return both(it->second, "want to be the default of " + std::string{o.spec->interface_id});
    if (own_defaults[o.spec->interface_id]++) return m.title() + ": names two defaults of " + o.spec->interface_id + ".";
  }
  return {};
}

// Empty: load() has been called and was content.
std::string Registry::Impl::load(Module& m) {
  LoadStep step;
  step.hook = HookKind::load;
  step.file = m.file(), step.plugin = m.entry().id, step.version = m.entry().version, step.build = m.fingerprint();
  const LoadStepScope scope{step};
  if (!scope.allowed()) return m.title() + ": not loaded";
  auto ok = m.initialise();
  return ok ? std::string{} : ok.error().message;
}

void Registry::Impl::add(std::shared_ptr<Module> module, ScanResult& result) {
  Isolated* rule = rule_for(*module);
  // It has no note and another id than those of the list, or a trial's other side was isolated and is not any more.
  if (!rule && module->described()) {
    auto mapped = Module::open(*module);
    if (!mapped) return result.problems.push_back(mapped.error().message);
    module = std::move(*mapped);
  }
  // The same content under another name, or a folder that is given twice: nothing new.
  if (std::find(modules.begin(), modules.end(), module) != modules.end()) return;
  if (std::string message = clash(*module); !message.empty()) {
    result.problems.push_back(std::move(message));
    return;
  }
  std::shared_ptr<isolate::Isolated> helper;
  if (rule) {
    rule->found = true;
    std::string why = isolate::refusal(*module);
    if (why.empty() && mode == Isolation::run) {
      auto started = isolate::Isolated::start(module, rule->rule);
      if (started)
        isolated.push_back(helper = *started);
      else
        why = started.error().message;
    }
    if (!why.empty()) {
      result.refused.push_back({rule->rule.pointer, std::move(why)});
      return;  // never in the gateway instead
    }
  } else if (std::string why = load(*module); !why.empty()) {
    result.problems.push_back(std::move(why));
    return;
  }
  modules.push_back(module);
  uint32_t index = 0;
  for (const Module::Offer& o : module->offers()) {
    Binding& b = bindings.emplace_back();
    b.spec = o.spec;
    b.name = o.spec->name;
    b.interface_id = o.interface_id;
    b.table = o.table;
    b.life = o.life;
    b.module = module;
    b.schema = o.schema;
    b.plugin_id = module->entry().id;
    b.plugin_version = module->entry().version;
    b.host = module->host();
    if (helper) {
      auto served = helper->serve(index);
      b.table = served.table, b.life = served.life, b.host = served.host, b.remote = served.remote;
    } else if (rule && mode == Isolation::rehearse) {
      b.life = nullptr;
      if (b.interface_id == SLC_IFACE_RESOLVER) b.table = &kSilentResolver;  // the one function that compiling calls
    }
    b.isolated = rule != nullptr;
    ++index;
    names[key(*b.spec, b.name)].push_back(&b);
    for (const char* const* a = o.spec->aliases; a && *a; ++a) aliases[key(*b.spec, *a)].push_back(&b);
    if (o.spec->flags & SLC_BIND_DEFAULT) defaults[b.interface_id] = &b;
  }
}

Registry::Registry() : impl_{std::make_unique<Impl>()} {}
Registry::~Registry() = default;

void Registry::isolate(std::vector<config::IsolatedPlugin> rules, Isolation isolation) {
  impl_->mode = isolation;
  for (auto& r : rules) impl_->isolation.push_back({std::move(r)});
}

void Registry::finish(ScanResult& result) {
  for (const Impl::Isolated& i : impl_->isolation) {
    if (i.found) continue;
    // Another entry may have it already, by its other name.
    const std::shared_ptr<Module>* module = find_module(i.rule.name);
    const auto same = std::find_if(impl_->isolation.begin(), impl_->isolation.end(), [&](const Impl::Isolated& other) {
      return module && other.found && is_called(other.rule.name, (*module)->file(), (*module)->entry().id);
    });
    result.refused.push_back(
        {i.rule.pointer, same == impl_->isolation.end() ? unknown_plugin(i.rule.name) : "is the plugin of " + same->rule.pointer + ", by another name"});
  }
}

const std::shared_ptr<Module>* Registry::find_module(std::string_view name) const {
  for (const auto& m : impl_->modules)
    if (is_called(name, m->file(), m->entry().id)) return &m;
  return nullptr;
}

std::string Registry::unknown_plugin(std::string_view name) const {
  std::string text = "no plugin has the id or file name \"" + std::string{name} + "\"";
  std::vector<std::string> known;
  for (const auto& m : impl_->modules) known.emplace_back(m->entry().id), known.push_back(std::filesystem::path{m->file()}.stem().string());
  if (std::string_view near = nearest(name, known); !near.empty()) text += "; did you mean \"" + std::string{near} + "\"?";
  return text;
}

void Registry::made() const {
  for (const auto& i : impl_->isolated) i->made();
}

void Registry::set_lock_policy(LockPolicy policy) { impl_->lock_policy = std::move(policy); }

void Registry::scan(const std::string& folder, const std::string& pattern, ScanResult& result, const Pins& pins) {
  namespace fs = std::filesystem;
  Admission admission{impl_->lock_policy};
  if (auto ok = admission.enter(folder); !ok) {
    result.problems.push_back(ok.error().message);
    return;
  }
  std::error_code ec;
  std::vector<std::string> files;
  for (fs::directory_iterator it{folder, ec}, end; !ec && it != end; it.increment(ec)) {
    std::error_code ignored;
    fs::file_status status = it->status(ignored);
    if (status.type() != fs::file_type::regular && status.type() != fs::file_type::not_found) continue;
    std::string name = it->path().filename().string();
    if (name.find(pattern.empty() ? ".so" : pattern) != name.npos) files.push_back(std::move(name));
  }
  if (ec) {
    result.problems.push_back("plugins folder " + folder + ": " + ec.message());
    return;
  }
  std::sort(files.begin(), files.end());
  std::string base = folder.ends_with('/') ? folder : folder + "/";
  auto apart = impl_->describe(base, files, admission);
  for (const std::string& name : files) {
    Impl::Isolated* rule = nullptr;
    auto known = apart.find(name);
    if (known != apart.end()) rule = known->second.rule;
    auto module = known != apart.end() ? std::move(known->second.module) : impl_->open(base + name, admission, &rule);
    if (!module) {
      if (!rule) {
        result.problems.push_back(module.error().message);
        continue;
      }
      rule->found = true;
      result.refused.push_back({rule->rule.pointer, module.error().message});
      continue;
    }
    if (!(*module)->has_note())
      result.warnings.push_back(
          (*module)->title() +
          ": has no note, so tools cannot read it without loading it. Build it with this SDK (SLC_PLUGIN), or add SLC_PLUGIN_NOTE of sluice/note.h.");
    auto pinned = pins.find(std::string_view{(*module)->entry().id});
    impl_->add(pinned == pins.end() ? std::move(*module) : pinned->second, result);
  }
  for (std::string& gone : admission.missing(folder)) result.problems.push_back(std::move(gone));
}

void Registry::add(const slc_entry* entry, const std::string& file, ScanResult& result) {
  auto module = Module::adopt(entry, file);
  if (module)
    impl_->add(std::move(*module), result);
  else
    result.problems.push_back(module.error().message);
}

const Binding* Registry::find(std::string_view interface_id, std::string_view name) const {
  for (const Impl::Key& k : {Impl::value_key(interface_id, name), Impl::space_key(name)})
    for (const auto* m : {&impl_->names, &impl_->aliases})
      if (const Binding* b = Impl::at(*m, k); b && b->interface_id == interface_id) return b;
  return nullptr;
}

const Binding* Registry::find_namespace(std::string_view name, bool* is_alias, uint32_t scopes) const {
  Impl::Key k = Impl::space_key(name);
  const Binding* b = Impl::at(impl_->names, k, scopes);
  if (is_alias) *is_alias = !b;
  if (!b) b = Impl::at(impl_->aliases, k, scopes);
  if (!b && is_alias) *is_alias = false;
  return b;
}

const Binding* Registry::find_default(std::string_view interface_id) const {
  auto it = impl_->defaults.find(std::string{interface_id});
  return it == impl_->defaults.end() ? nullptr : it->second;
}

std::vector<const Binding*> Registry::bindings() const {
  std::vector<const Binding*> all;
  for (const Binding& b : impl_->bindings) all.push_back(&b);
  return all;
}

const std::vector<std::shared_ptr<Module>>& Registry::modules() const { return impl_->modules; }

std::vector<std::string> Registry::names(std::string_view interface_id) const {
  std::vector<std::string> all;
  for (const auto* m : {&impl_->names, &impl_->aliases})
    for (const auto& [key, bound] : *m)
      if (key.first == interface_id) all.push_back(key.second);
  return all;
}

std::string default_folder() {
  if (const char* set = std::getenv("SLUICE_PLUGINS"); set && *set) return set;
  std::error_code ec;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ec);
  std::filesystem::path above = program.parent_path().parent_path();
  std::string installed = (above / SLC_INSTALL_LIBDIR / "sluice" / "plugins").string();
  for (const std::string& candidate : {installed, (above / "lib" / "sluice" / "plugins").string(), (above / "plugins").string()})
    if (std::filesystem::is_directory(candidate, ec)) return candidate;
  return installed;
}

}  // namespace sluice::plugin
