// A look into a shared object before any of its code runs. Works on the bytes of the file and believes none of them.
#pragma once
#include <string>
#include <string_view>

namespace sluice::plugin::elf {

// What dlopen would refuse, or would make of a file that is no plugin. Empty: a shared object for this machine.
std::string problem(std::string_view file);
// Is `symbol` defined and exported (dynamic symbol table)? Only for files without a problem().
bool exports(std::string_view file, std::string_view symbol);

}  // namespace sluice::plugin::elf
