#include "core/plugin/module.h"

#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/log/log.h"
#include "core/plugin/admission.h"
#include "core/plugin/elf.h"
#include "core/plugin/interpose.h"
#include "core/plugin/isolate/describe.h"
#include "core/plugin/load_watch.h"
#include "core/plugin/private_copy.h"
#include "core/plugin/report.h"
#include "core/plugin/work.h"

namespace sluice::plugin {

// Never freed: code of it may run, and backtraces may name it, until the process ends.
struct Image {
  std::string file;                   // as found last
  std::string fingerprint;            // of the content
  const slc_entry* entry = nullptr;
  std::string copy;                   // the private one, to be opened in this process; empty: linked in
  boost::dll::shared_library library;                        // if the file is mapped here
  std::shared_ptr<const isolate::Description> description;  // if it is not
  std::unique_ptr<Host> host;         // made when the entry has been checked
  std::string version;
  Place place;                        // for load, unload, and what cannot be told to belong to one of its objects
  std::optional<Note> note;           // what tools believe about the file
  std::weak_ptr<Module> module;       // initialised once for all generations that use it at the same time
};

namespace {

constexpr const char* kSymbol = "slc_plugin_entry";

enum class Names : uint8_t { spaces, values, both };  // keys of extra_config; encodings, sd; a balancer can be either

// How much of a struct every plugin has: up to the last field that is not late (plugin.h, "Growth"). What stands behind it is
// asked for with SLC_HAS.
#define SLC_THROUGH(type, field) static_cast<uint32_t>(offsetof(type, field) + sizeof(type::field))
constexpr uint32_t kLeastEntry = SLC_THROUGH(slc_entry, get_interface), kLeastBinding = SLC_THROUGH(slc_binding, flags),
                   kLeastLife = SLC_THROUGH(slc_lifecycle, worker_stop);

struct Kind {
  const char* id;
  uint32_t size;  // of the table, at least
  Names names;
};
constexpr Kind kKinds[] = {
    {SLC_IFACE_MIDDLEWARE, SLC_THROUGH(slc_middleware, on_done), Names::spaces},
    {SLC_IFACE_AROUND, SLC_THROUGH(slc_around, on_done), Names::spaces},
    {SLC_IFACE_TRANSPORT, SLC_THROUGH(slc_transport, cancel), Names::spaces},
    {SLC_IFACE_LOG_SINK, SLC_THROUGH(slc_log_sink, flush), Names::spaces},
    {SLC_IFACE_SELECTOR, SLC_THROUGH(slc_selector, select), Names::spaces},
    {SLC_IFACE_DECODER, SLC_THROUGH(slc_decoder, expand), Names::values},
    {SLC_IFACE_ENCODER, SLC_THROUGH(slc_encoder, encode), Names::values},
    {SLC_IFACE_RESOLVER, SLC_THROUGH(slc_resolver, unwatch), Names::values},
    {SLC_IFACE_BALANCER, SLC_THROUGH(slc_balancer, pick), Names::both},
};
#undef SLC_THROUGH
const Kind* find_kind(std::string_view id) {
  if (id == "sluice.selector/1.draft") id = SLC_IFACE_SELECTOR;  // its name in 1.0: drafts are served under both (abi-policy.md)
  for (const Kind& k : kKinds)
    if (id == k.id) return &k;
  return nullptr;
}

// A table without the function that it is there for.
const char* missing_function(std::string_view id, const void* table) {
  if (id == SLC_IFACE_MIDDLEWARE) {
    auto* m = static_cast<const slc_middleware*>(table);
    return m->on_request || m->on_raw_response || m->on_response || m->on_done || SLC_HAS(m, slc_middleware, on_request_chunk) ||
                   SLC_HAS(m, slc_middleware, on_response_chunk)
               ? nullptr
               : "any hook";
  }
  if (id == SLC_IFACE_AROUND) return static_cast<const slc_around*>(table)->on_call ? nullptr : "on_call";
  if (id == SLC_IFACE_TRANSPORT) {
    auto* t = static_cast<const slc_transport*>(table);
    return !t->send ? "send" : !t->cancel ? "cancel" : nullptr;
  }
  if (id == SLC_IFACE_LOG_SINK) return static_cast<const slc_log_sink*>(table)->write ? nullptr : "write";
  if (id == SLC_IFACE_SELECTOR) return static_cast<const slc_selector*>(table)->select ? nullptr : "select";
  if (id == SLC_IFACE_RESOLVER) return static_cast<const slc_resolver*>(table)->watch ? nullptr : "watch";
  if (id == SLC_IFACE_BALANCER) return static_cast<const slc_balancer*>(table)->pick ? nullptr : "pick";
  return nullptr;  // decoders and encoders without a function are raw
}

// Empty: loaded. Else the dynamic loader's words about it, with the plugin's path in place of the copy's.
std::string load_library(boost::dll::shared_library& library, const std::string& copy, const std::string& file) {
  if (copy.empty()) return "no private copy can be made: " + std::string{std::strerror(errno)};
  std::error_code ec;
  // Both said aloud: Boost's default is lazy, and a lazily bound plugin dies at the first call of what it lacks.
  library.load(copy, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, ec);
  if (!ec) return {};
  const char* why = dlerror();
  std::string text = why ? why : ec.message();
  for (size_t at; (at = text.find(copy)) != text.npos;) text.replace(at, copy.size(), file);
  if (text.starts_with(file + ": ")) text.erase(0, file.size() + 2);
  return text.empty() ? "unknown reason" : text;
}

constexpr uint32_t kSanitizers = SLC_BUILT_ASAN | SLC_BUILT_TSAN;
std::string sanitizers(uint32_t flags) {
  return flags & SLC_BUILT_ASAN ? "AddressSanitizer" : flags & SLC_BUILT_TSAN ? "ThreadSanitizer" : "no sanitizer";
}
std::string sanitizer_problem(const std::string& title, uint32_t theirs) {
  return title + ": built with " + sanitizers(theirs) + ", this gateway is built with " + sanitizers(SLC_BUILD_FLAGS) +
         ". Mixing them corrupts reports; use the matching build.";
}

std::string explain_load(const std::string& file, const std::string& why) {
  if (why.find("__asan_") != why.npos && !(SLC_BUILD_FLAGS & SLC_BUILT_ASAN)) return sanitizer_problem(file, SLC_BUILT_ASAN);
  if (why.find("__tsan_") != why.npos && !(SLC_BUILD_FLAGS & SLC_BUILT_TSAN)) return sanitizer_problem(file, SLC_BUILT_TSAN);
  std::string text = file + ": cannot be loaded: " + why;
  if (why.find("cannot open shared object file") != why.npos) return text + ". Install the library that it needs.";
  if (why.find("undefined symbol") != why.npos) return text + ". Link the plugin with what it uses; the gateway exports nothing.";
  return text;
}

std::string hex(uint32_t v) {
  char text[16];
  snprintf(text, sizeof text, "0x%08x", v);
  return text;
}
std::string version(unsigned major, unsigned minor) { return std::to_string(major) + "." + std::to_string(minor); }
bool is_text(const char* s) { return s && *s; }

struct Images {
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Image>> by_key;  // content hash, the same for described ones, or address of a linked entry

  static std::string described(const std::string& fingerprint) { return "described " + fingerprint; }
  Image* find(const std::string& key) const {
    auto it = by_key.find(key);
    return it == by_key.end() ? nullptr : it->second.get();
  }
  // The copy that there is of this content; empty: none. It must not be written anew, somebody may have it mapped.
  std::string copy_of(const std::string& fingerprint) const {
    for (const std::string& key : {fingerprint, described(fingerprint)})
      if (const Image* i = find(key)) return i->copy;
    return {};
  }
};
Images& images() {
  static auto* i = new Images;
  return *i;
}

std::string copy_name(const Module::File& f) {
  return f.fingerprint.substr(0, 16) + "-" + std::filesystem::path{f.path}.filename().string();
}

std::string title_of(const Module::File& f) { return f.note ? f.path + " (" + f.note->id + " " + f.note->version + ")" : f.path; }

}  // namespace

bool is_called(std::string_view name, const std::string& file, std::string_view id) {
  const std::filesystem::path path{file};
  return (!id.empty() && name == id) || name == path.filename().string() || name == path.stem().string();
}

Result<std::shared_ptr<Module>, Problem> Module::open(const std::string& file, const Admission* admission) {
  auto looked = look_at(file, admission);
  if (!looked) return looked.error();
  return open(std::move(*looked));
}

Result<Module::File, Problem> Module::look_at(const std::string& file, const Admission* admission) {
  auto bytes = read_plugin(file);
  if (!bytes) return bytes.error();
  if (admission)
    if (auto allowed = admission->admit(file, *bytes); !allowed) return allowed.error();
  if (std::string wrong = elf::problem(*bytes); !wrong.empty()) return Problem{file + ": " + wrong};
  if (!elf::exports(*bytes, kSymbol))
    return Problem{file + ": not a gateway plugin (no symbol slc_plugin_entry). Was it built with sluice_add_plugin()?"};
  auto note = read_note(*bytes);
  if (!note) return Problem{file + ": " + note.error().message + "."};
  File f{file, std::move(*bytes), std::move(*note)};
  // Here already: the run-time library of another sanitizer ends the process that maps it.
  if (f.note && (f.note->flags & kSanitizers) != (SLC_BUILD_FLAGS & kSanitizers)) return Problem{sanitizer_problem(title_of(f), f.note->flags)};
  return f;
}

Result<std::shared_ptr<Module>, Problem> Module::open(File f) {
  Images& all = images();
  if (f.fingerprint.empty()) f.fingerprint = sha256_hex(f.bytes);
  std::unique_lock lock{all.mutex};
  if (Image* known = all.find(f.fingerprint)) return module_of(*known, f.path);
  // Who is told may take long, and messages of running plugins take the lock. Nobody else loads meanwhile.
  lock.unlock();
  LoadStep step;
  step.file = f.path, step.build = f.fingerprint;
  const LoadStepScope told{step};
  if (!told.allowed()) return Problem{f.path + ": not loaded"};
  lock.lock();
  auto fresh = std::make_unique<Image>();
  fresh->file = f.path;
  fresh->fingerprint = f.fingerprint;
  const Place opening{f.path, {}, "[PLUGIN]"};  // its initialisers run now, and nobody knows its id yet
  PlaceScope scope{&opening, HookKind::load};
  fresh->note = std::move(f.note);
  fresh->copy = f.copy.empty() ? all.copy_of(f.fingerprint) : f.copy;
  const bool ours = fresh->copy.empty();  // the bytes are there
  if (ours) fresh->copy = copy_to_folder(copy_name(f), f.bytes);
  std::string why = load_library(fresh->library, fresh->copy, f.path);
  if (ours && (why.find("failed to map segment") != why.npos || why.starts_with("no private copy"))) {
    fresh->copy = copy_to_memory(copy_name(f), f.bytes);
    why = load_library(fresh->library, fresh->copy, f.path);
  }
  if (!why.empty()) return Problem{explain_load(f.path, why)};
  try {
    fresh->entry = &fresh->library.get<const slc_entry>(kSymbol);
  } catch (const std::exception& e) {
    return Problem{f.path + ": " + e.what()};
  }
  if (interpose) fresh->entry = interpose(fresh->entry, f.bytes);
  return module_of(*(all.by_key[f.fingerprint] = std::move(fresh)), f.path);
}

void Module::keep(File& f) {
  if (!f.copy.empty()) return;
  f.fingerprint = sha256_hex(f.bytes);
  Images& all = images();
  std::lock_guard lock{all.mutex};
  f.copy = all.copy_of(f.fingerprint);
  if (f.copy.empty()) {
    if (copies_can_be_mapped()) f.copy = copy_to_folder(copy_name(f), f.bytes);
    if (f.copy.empty()) f.copy = copy_to_memory(copy_name(f), f.bytes);
  }
  f.bytes = {};
}

std::vector<Result<std::shared_ptr<Module>, Problem>> Module::describe(const std::vector<File>& files) {
  Images& all = images();
  std::vector<isolate::DescribeRequest> requests;
  std::map<std::string, size_t> asked;  // fingerprint → request
  {
    std::lock_guard lock{all.mutex};
    for (const File& f : files) {
      if (all.find(Images::described(f.fingerprint)) || f.copy.empty() || !asked.emplace(f.fingerprint, requests.size()).second) continue;
      auto& r = requests.emplace_back();
      r.file = f.path, r.title = title_of(f), r.copy = from_outside(f.copy), r.memory_mb = f.memory_mb;
    }
  }
  const auto told = isolate::describe_all(requests);  // without the lock: messages of running plugins take it
  std::vector<Result<std::shared_ptr<Module>, Problem>> modules;
  std::lock_guard lock{all.mutex};
  for (const File& f : files) {
    Image* image = all.find(Images::described(f.fingerprint));
    if (!image) {
      auto at = asked.find(f.fingerprint);
      if (at == asked.end() || !told[at->second]) {
        modules.push_back(at == asked.end() ? Problem{f.path + ": cannot be loaded: no private copy can be made"} : told[at->second].error());
        continue;
      }
      auto fresh = std::make_unique<Image>();
      fresh->file = f.path, fresh->fingerprint = f.fingerprint, fresh->copy = f.copy, fresh->note = f.note;
      fresh->description = *told[at->second];
      fresh->entry = &fresh->description->entry();
      image = (all.by_key[Images::described(f.fingerprint)] = std::move(fresh)).get();
    }
    modules.push_back(module_of(*image, f.path));
  }
  return modules;
}

Result<std::shared_ptr<Module>, Problem> Module::open(const Module& m) {
  return open(File{m.image_.file, {}, m.image_.note, m.image_.fingerprint, m.image_.copy});
}

Result<const slc_entry*, Problem> map_for_good(const std::string& copy, const std::string& file) {
  const Place opening{file, {}, "[PLUGIN]"};
  PlaceScope scope{&opening, HookKind::load};
  auto& library = *new boost::dll::shared_library;
  if (std::string why = load_library(library, copy, file); !why.empty()) return Problem{explain_load(file, why)};
  try {
    return &library.get<const slc_entry>(kSymbol);
  } catch (const std::exception& e) {
    return Problem{file + ": " + e.what()};
  }
}

Result<std::shared_ptr<Module>, Problem> Module::adopt(const slc_entry* entry, const std::string& file) {
  Images& all = images();
  std::lock_guard lock{all.mutex};
  std::string key = "linked " + std::to_string(reinterpret_cast<uintptr_t>(entry));
  std::unique_ptr<Image>& image = all.by_key[key];
  if (!image) {
    image = std::make_unique<Image>();
    image->file = file, image->fingerprint = key, image->entry = entry;
  }
  return module_of(*image, file);
}

Result<std::shared_ptr<Module>, Problem> Module::module_of(Image& image, const std::string& file) {
  if (auto known = image.module.lock()) return known;
  image.file = file;
  auto module = std::make_shared<Module>(image);
  if (auto ok = module->check(); !ok) return ok.error();
  image.module = module;
  return module;
}

Module::Module(Image& image) : image_{image} {}

Module::~Module() {
  WorkPool::get().end_all_of(&image_.place);
  if (!initialised_ || !entry().unload) return;
  PlaceScope scope{&image_.place, HookKind::unload};
  entry().unload();
}

const slc_entry& Module::entry() const { return *image_.entry; }
const std::string& Module::file() const { return image_.file; }
const std::string& Module::fingerprint() const { return image_.fingerprint; }
std::string Module::image_path() const { return from_outside(image_.copy); }
bool Module::described() const { return image_.description != nullptr; }
const slc_host* Module::host() const { return image_.host.get(); }
const Place& Module::place() const { return image_.place; }
bool Module::has_note() const { return image_.note.has_value(); }
std::string Module::title() const { return image_.file + " (" + entry().id + " " + entry().version + ")"; }

// Step 4 of plugin-abi §2.5. Reads no field of the entry before what stands in front of it says that it is there.
Result<bool, Problem> Module::check() {
  const slc_entry& e = entry();
  const std::string& f = image_.file;
  const std::string offered = version(SLC_ABI_MAJOR, SLC_ABI_MINOR);
  if (e.magic != SLC_ABI_MAGIC)
    return Problem{f + ": slc_plugin_entry begins with " + hex(e.magic) + ", wanted " + hex(SLC_ABI_MAGIC) +
                   ". Fill the entry as sluice/plugin.h says."};
  if (e.size < offsetof(slc_entry, flags))
    return Problem{f + ": slc_plugin_entry says that it has " + std::to_string(e.size) + " bytes, wanted " +
                   std::to_string(sizeof(slc_entry)) + ". Set size to sizeof(slc_entry)."};
  if (e.abi_major != SLC_ABI_MAJOR)
    return Problem{f + ": built for plugin ABI " + version(e.abi_major, e.abi_minor) + ", this gateway offers " + offered +
                   ". Use a gateway " + std::to_string(e.abi_major) + ".x or build the plugin with this gateway's SDK."};
  bool has_title = e.size >= offsetof(slc_entry, built_with) && is_text(e.id) && is_text(e.version);
  std::string who = has_title ? title() : f;
  if (e.abi_minor > SLC_ABI_MINOR)
    return Problem{who + ": needs plugin ABI " + version(e.abi_major, e.abi_minor) + ", this gateway offers " + offered +
                   ". Use a newer gateway or a plugin built for <= " + offered + "."};
  if (e.size < kLeastEntry)
    return Problem{f + ": slc_plugin_entry says that it has " + std::to_string(e.size) + " bytes, wanted " +
                   std::to_string(kLeastEntry) + ". Set size to sizeof(slc_entry)."};
  if (!has_title) return Problem{f + ": the entry has no id or no version. Set both."};
  if ((e.flags & kSanitizers) != (SLC_BUILD_FLAGS & kSanitizers)) return Problem{sanitizer_problem(who, e.flags)};
  for (const char* const* s = e.required_services; s && *s; ++s)
    if (!find_service(*s))
      return Problem{who + ": needs service " + *s + ", which this gateway does not have. It has " + service_names() + "."};
  if (!e.get_interface) return Problem{who + ": the entry has no get_interface function."};
  if (e.binding_count == 0 || !e.bindings) return Problem{who + ": has no bindings, so no configuration can name it."};
  if (e.binding_count > 4096) return Problem{who + ": has " + std::to_string(e.binding_count) + " bindings, at most 4096 are allowed."};
  if (e.binding_size < kLeastBinding)
    return Problem{who + ": binding_size is " + std::to_string(e.binding_size) + ", wanted " + std::to_string(kLeastBinding) +
                   ". Set it to sizeof(slc_binding)."};
  if (image_.note)
    if (std::string what = disagreement(*image_.note, e); !what.empty())
      return Problem{who + ": its note and its entry disagree: " + what +
                     ". Tools and plugins.lock believe the note: write the same into both, as SLC_PLUGIN does."};
  offers_.resize(e.binding_count);
  if (!image_.host) {
    image_.host = std::make_unique<Host>(e.id);
    image_.version = e.version;
    image_.place.plugin = image_.host->plugin, image_.place.version = image_.version;
    image_.place.where = "[PLUGIN]";
  }
  for (uint32_t i = 0; i < e.binding_count; ++i)
    if (auto ok = check_binding(i, offers_[i]); !ok) return ok.error();
  return true;
}

Result<bool, Problem> Module::check_binding(uint32_t i, Offer& offer) const {
  const slc_entry& e = entry();
  // By stride: bindings of a newer plugin may be longer than ours.
  auto* b = reinterpret_cast<const slc_binding*>(reinterpret_cast<const char*>(e.bindings) + size_t{i} * e.binding_size);
  offer.spec = b;
  if (!is_text(b->name)) return Problem{title() + ": binding " + std::to_string(i) + " has no name."};
  std::string who = title() + ": \"" + b->name + "\"";
  const Kind* kind = is_text(b->interface_id) ? find_kind(b->interface_id) : nullptr;
  if (!kind) {
    std::string known;
    for (const Kind& k : kKinds) known += (known.empty() ? "" : ", ") + std::string{k.id};
    return Problem{who + " is bound to interface \"" + (b->interface_id ? b->interface_id : "") + "\", which this gateway does not have. It has " + known +
                   "."};
  }
  offer.interface_id = kind->id;
  constexpr uint32_t kScopes = SLC_AT_SERVICE | SLC_AT_ENDPOINT | SLC_AT_PROXY | SLC_AT_BACKEND;
  if ((b->scopes & ~kScopes) || (kind->names == Names::spaces && !b->scopes))
    return Problem{who + " has scopes " + hex(b->scopes) + ", wanted one or more of SLC_AT_SERVICE, ENDPOINT, PROXY, BACKEND."};
  if (kind->names == Names::values && b->scopes)
    return Problem{who + " has scopes " + hex(b->scopes) + ", wanted 0: it is the name of an encoding or sd, no namespace."};
  if (b->schema) {
    auto schema = Schema::compile(b->schema);
    if (!schema) return Problem{who + ": its schema " + schema.error().message + "."};
    offer.schema = *schema;
  }
  if (image_.description) {
    offer.table = image_.description->table(i);
  } else {
    PlaceScope scope{&image_.place, HookKind::get_interface};
    offer.table = e.get_interface(b->interface_id, b->name);
  }
  if (!offer.table) return Problem{who + ": get_interface(\"" + b->interface_id + "\") answered NULL."};
  uint32_t size;
  std::memcpy(&size, offer.table, sizeof size);  // every table begins with it
  if (size < kind->size)
    return Problem{who + ": its " + b->interface_id + " table says that it has " + std::to_string(size) + " bytes, wanted " + std::to_string(kind->size) + "."};
  // Every table goes on with its life cycle.
  std::memcpy(&offer.life, static_cast<const char*>(offer.table) + offsetof(slc_middleware, life), sizeof offer.life);
  if (offer.life && offer.life->size < kLeastLife)
    return Problem{who + ": its slc_lifecycle says that it has " + std::to_string(offer.life->size) + " bytes, wanted " + std::to_string(kLeastLife) + "."};
  if (offer.life && !offer.life->worker_start != !offer.life->worker_stop)
    return Problem{who + ": has only one of worker_start and worker_stop. Set both or none."};
  if (offer.life && !SLC_HAS(offer.life, slc_lifecycle, export_state) != !SLC_HAS(offer.life, slc_lifecycle, import_state))
    return Problem{who + ": has only one of export_state and import_state. Set both or none."};
  if (const char* missing = missing_function(kind->id, offer.table))
    return Problem{who + ": its " + b->interface_id + " table has not " + missing + "."};
  return true;
}

static_assert(offsetof(slc_around, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_decoder, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_encoder, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_resolver, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_balancer, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_transport, life) == offsetof(slc_middleware, life));
static_assert(offsetof(slc_log_sink, life) == offsetof(slc_middleware, life));

Result<bool, Problem> Module::initialise() {
  if (initialised_) return true;
  if (described()) return Problem{title() + ": its code does not run in this process."};
  Trees trees;
  slc_report report;
  report.trees = &trees;
  slc_status status = SLC_OK;
  if (entry().load) {
    shared::Holding holding{shared_};
    PlaceScope scope{&image_.place, HookKind::load};
    status = entry().load(host(), &report);
  }
  std::string errors;
  for (const config::Issue& issue : report.issues) {
    std::string text = issue.pointer.empty() ? issue.message : issue.pointer + ": " + issue.message;
    if (issue.severity == config::Issue::Severity::error)
      errors += (errors.empty() ? "" : "; ") + text;
    else
      SLC_LOG(warning, title(), ": ", text);
  }
  if (status != SLC_OK || report.failed)
    return Problem{title() + ": load() failed: " + (errors.empty() ? "it answered " + std::to_string(status) : errors)};
  initialised_ = true;
  return true;
}

std::string plugin_at(const void* address) {
  Dl_info of{}, other{};
  if (!dladdr(address, &of)) return {};
  Images& all = images();
  std::lock_guard lock{all.mutex};
  for (const auto& [key, image] : all.by_key)
    if (image->library.is_loaded() && image->entry && dladdr(image->entry, &other) && other.dli_fbase == of.dli_fbase) return image->entry->id;
  return {};
}

}  // namespace sluice::plugin
