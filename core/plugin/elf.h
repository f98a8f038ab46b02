// A look into a shared object before any of its code runs. Works on the bytes of the file and believes none of them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sluice::plugin::elf {

// What dlopen would refuse, or would make of a file that is no plugin. Empty: a shared object for this machine.
std::string problem(std::string_view file);
// A name of the dynamic symbol table that other objects can see.
struct Symbol {
  std::string_view text;  // begins with the name and its NUL; in a hostile file the NUL may be far away, or missing
  bool defined = false;   // here; else wanted from others
  bool unique = false;    // STB_GNU_UNIQUE
  bool absolute = false;  // a number, as linkers write them
};
// All of them, until `f` answers false. Only for files without a problem().
void each_symbol(std::string_view file, const std::function<bool(const Symbol&)>& f);
// Is `symbol` defined and exported (dynamic symbol table)? Only for files without a problem().
bool exports(std::string_view file, std::string_view symbol);
// The content of the note of that owner and type (ELF gABI, "Note Section"), as a view into `file`; nullopt: there is none.
// Problem: a note segment that cannot be read, or two such notes. Only for files without a problem().
Result<std::optional<std::string_view>, Problem> note(std::string_view file, std::string_view owner, uint32_t type);

}  // namespace sluice::plugin::elf
