// A look into a shared object before any of its code runs. Works on the bytes of the file and believes none of them.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sluice::plugin::elf {

// What dlopen would refuse, or would make of a file that is no plugin. Empty: a shared object for this machine.
std::string problem(std::string_view file);
// Is `symbol` defined and exported (dynamic symbol table)? Only for files without a problem().
bool exports(std::string_view file, std::string_view symbol);
// The content of the note of that owner and type (ELF gABI, "Note Section"), as a view into `file`; nullopt: there is none.
// Problem: a note segment that cannot be read, or two such notes. Only for files without a problem().
Result<std::optional<std::string_view>, Problem> note(std::string_view file, std::string_view owner, uint32_t type);

}  // namespace sluice::plugin::elf
