// Private copies of plugin files: whoever writes over a plugin in place would otherwise pull the code from under a running
// gateway, and the dynamic loader would answer the old image for a path it knows. The copies stay as long as the process,
// for debuggers and sanitizers to read. [load]
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>

namespace sluice::plugin {

// The path; empty: it cannot be made, and errno says why. A copy of that name is written anew: nobody may have it mapped.
std::string copy_to_folder(const std::string& name, std::string_view bytes);
// For temporary folders that forbid execution or are full. The descriptor stays open: its path must stay this image's.
std::string copy_to_memory(const std::string& name, std::string_view bytes);
// False: the folder of the copies forbids execution, or there is none.
bool copies_can_be_mapped();
// Those of a process of this user that has ended, if it could not remove them itself.
void remove_copies_of(pid_t);
// The path of a copy as other processes find it.
std::string from_outside(std::string path);

}  // namespace sluice::plugin
