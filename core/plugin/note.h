// What a plugin says about itself in its ELF note (sluice/note.h), read from the bytes of the file and believed in nothing:
// before such a plugin serves, it is compared with the entry. [any]
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "sluice/plugin.h"

namespace sluice::plugin {

struct Note {
  struct Bound {
    std::string interface_id, name;
    uint32_t scopes = 0;  // SLC_AT_…
    std::vector<std::string> aliases;
  };
  uint16_t abi_major = 0, abi_minor = 0;
  uint32_t flags = 0;
  std::string id, version, built_with;
  std::vector<Bound> bindings;
};

// Of a whole file without an elf::problem(). nullopt: it has none. Problem: it has one that cannot be read.
Result<std::optional<Note>, Problem> read_note(std::string_view file);
// Of the bytes behind the owner's name.
Result<Note, Problem> parse_note(std::string_view content);
// Where note and entry say different things: "version 1.0.0 in the note, 1.1.0 in the entry"; empty: nowhere. The entry has
// been checked up to its bindings, which are read by their stride and may lack name and interface.
std::string disagreement(const Note&, const slc_entry&);

// "service, endpoint"; "-" for none.
std::string scope_names(uint32_t scopes);
// "sluice.middleware/1" → "middleware"; what is not of that form stays.
std::string_view kind_name(std::string_view interface_id);

}  // namespace sluice::plugin
