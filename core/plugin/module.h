// One plugin file: opened, checked against everything that can be known before its code runs, and initialised once.
// The image stays mapped for the life of the process; a file with the same content gives the same module, a changed file is
// loaded beside the old one under a new path. A file whose code is to run elsewhere (isolate/) is not mapped at all: its module has
// copies of what another process says of it. [load]
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/note.h"
#include "core/plugin/schema.h"
#include "core/plugin/services.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {

struct Image;
class Admission;

// Whether configurations may mean this plugin by `name`: its id (empty: not known), or its file's name with or without its ending.
bool is_called(std::string_view name, const std::string& file, std::string_view id);

class Module {
 public:
  // What one binding of the entry offers, checked.
  struct Offer {
    const slc_binding* spec = nullptr;
    const char* interface_id = nullptr;  // as this gateway calls it: spec may have the name of a draft
    const void* table = nullptr;
    const slc_lifecycle* life = nullptr;
    std::shared_ptr<const Schema> schema;
  };

  // Opens and checks `file`; of the plugin's functions only get_interface has been called then. `admission`, where given,
  // decides on the bytes before anything of them is used.
  static Result<std::shared_ptr<Module>, Problem> open(const std::string& file, const Admission* admission = nullptr);

  // A file before any of its code runs.
  struct File {
    std::string path, bytes;    // the bytes are what is judged, copied and mapped; the file may change as it likes
    std::optional<Note> note;   // what tools believe about it
    std::string fingerprint{};  // set by keep()
    std::string copy{};         // the private copy; the bytes are gone then
    uint32_t memory_mb = 0;     // for the process that describes it; 0: no limit
  };
  // The first half of open(): nothing of the file is mapped. Problem: no such file is a plugin, or this one may not be loaded.
  static Result<File, Problem> look_at(const std::string& file, const Admission* admission = nullptr);
  // The second half.
  static Result<std::shared_ptr<Module>, Problem> open(File);
  // Puts a private copy in the place of the bytes.
  static void keep(File&);
  // Modules of kept files that are mapped in other processes only, and there no longer than it takes to describe them; in the order
  // of the files. They are checked like others, and like others there is one for each content, which is described once. Blocks until
  // all processes have ended; they work side by side. Problem: of the loader, or how the process of that file ended.
  static std::vector<Result<std::shared_ptr<Module>, Problem>> describe(const std::vector<File>&);
  // The same build as a described module's, mapped.
  static Result<std::shared_ptr<Module>, Problem> open(const Module& described);
  // The same for an entry that is linked in; `file` names it in messages.
  static Result<std::shared_ptr<Module>, Problem> adopt(const slc_entry*, const std::string& file);
  explicit Module(Image&);
  ~Module();  // unload(), when load() has been; the image stays
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Nothing of the file is mapped: functions of its entry and tables are there, or not, and never to be called.
  bool described() const;
  // Calls load(), unless that has succeeded already. Not for described ones.
  Result<bool, Problem> initialise();

  const slc_entry& entry() const;
  const std::string& file() const;
  // The image, as another process of this machine finds it; empty: linked in.
  std::string image_path() const;
  const slc_host* host() const;
  const Place& place() const;  // the plugin as a whole; lives as long as the process
  bool has_note() const;      // the file can be read without loading it; false for entries that are linked in
  std::string title() const;  // "plugins/jwt.so (acme.jwt 2.3.0)"
  // Of the file's content: equal for equal builds.
  const std::string& fingerprint() const;
  const std::vector<Offer>& offers() const { return offers_; }

 private:
  // The module of an image that is mapped: the one there is, or a new one, checked.
  static Result<std::shared_ptr<Module>, Problem> module_of(Image&, const std::string& file);
  Result<bool, Problem> check();
  Result<bool, Problem> check_binding(uint32_t i, Offer&) const;
  Image& image_;
  shared::Holder shared_;  // what load() asked for
  std::vector<Offer> offers_;
  bool initialised_ = false;
};

// The entry of the plugin in `copy`, mapped for as long as the process lives; `file` names it in messages. For processes that exist for
// one plugin.
Result<const slc_entry*, Problem> map_for_good(const std::string& copy, const std::string& file);

// The id of the plugin whose file is mapped at this address; empty: none is. For messages: it looks through all of them. [any]
std::string plugin_at(const void* address);

}  // namespace sluice::plugin
