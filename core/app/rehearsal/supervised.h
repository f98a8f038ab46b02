// Commands that run code of plugins and whose exit code somebody believes: a plugin that crashes, hangs or ends the process must not
// leave them mute, nor let them end with 0.
#pragma once
#include <functional>
#include <string_view>

#include "core/app/rehearsal/page.h"

namespace sluice::app::rehearsal {

// Does `work` in a child process, with this one's terminal and files, and answers in both: in the child with what `work` answers, in
// the parent, when the child has ended, with its exit code, or with what `failed` answers when a plugin was the child's end. The child
// reports crashes on stderr. Where no process can be made, `work` is done here. Before any thread and any plugin.
int supervised(const std::function<int()>& work, const std::function<int(const Failure&)>& failed);
// The same for tools: "ERROR a plugin could not be asked: …" on stderr. `done` is what the plugin was wanted for.
int supervised(const std::function<int()>& work, std::string_view done);

}  // namespace sluice::app::rehearsal
