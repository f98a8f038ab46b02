// A place between the loader and a plugin, for tools that have to see every call across the border. Unused by `run`.
#pragma once
#include <string_view>

#include "sluice/plugin.h"

namespace sluice::plugin {

// Called once for each file that was opened, before its entry is checked; the entry that it answers with is used in place of
// the file's and must live as long as the process. `bytes`: the file. Set once, before the first plugin is loaded. [load]
inline const slc_entry* (*interpose)(const slc_entry*, std::string_view bytes) = nullptr;

// Called when an exchange has ended, whatever became of it, and before its memory is used for anything else; nothing may be asked of
// it. nullptr: nobody wants to know. Set once, before the first worker runs. [worker]
inline void (*exchange_ended)(const slc_exchange*) noexcept = nullptr;

}  // namespace sluice::plugin
