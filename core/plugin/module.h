// One plugin file: opened, checked against everything that can be known before its code runs, and initialised once.
// The image stays mapped for the life of the process; a file with the same content gives the same module, a changed file is
// loaded beside the old one under a new path. [load]
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/plugin/schema.h"
#include "core/plugin/services.h"
#include "core/plugin/shared.h"

namespace sluice::plugin {

struct Image;
class Admission;

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
  // The same for an entry that is linked in; `file` names it in messages.
  static Result<std::shared_ptr<Module>, Problem> adopt(const slc_entry*, const std::string& file);
  explicit Module(Image&);
  ~Module();  // unload(), when load() has been; the image stays
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Calls load(), unless that has succeeded already.
  Result<bool, Problem> initialise();

  const slc_entry& entry() const;
  const std::string& file() const;
  // Where the image was loaded from, as another process of this machine finds it; empty: linked in.
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

// The id of the plugin whose file is mapped at this address; empty: none is. For messages: it looks through all of them. [any]
std::string plugin_at(const void* address);

}  // namespace sluice::plugin
