// Who may have put a plugin there: files and folders whose owner is root or this process's user, and that nobody else may
// write to. Everything else could be exchanged by somebody who should not run code with the gateway's rights. [load]
#pragma once
#include <string>

#include "core/base/result.h"

namespace sluice::plugin {

// The whole content of a file that follows the rules. Links are resolved: the rules hold for the file that is read and for
// the folder it really stands in. What was checked is what is read: one open file. `what` names it: "larger than 512 MiB".
Result<std::string, Problem> read_trusted(const std::string& file, size_t most);
// The folder, links resolved, follows the rules, and everybody may write to none above it, unless it is sticky (/tmp).
Result<bool, Problem> check_folder(const std::string& folder);

}  // namespace sluice::plugin
