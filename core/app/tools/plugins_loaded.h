// What a gateway that runs has loaded, for `sluice plugins`. Blocking; main thread.
#pragma once
#include <optional>

#include "core/app/tools/admin_client.h"
#include "core/app/tools/plugin_list.h"

namespace sluice::app {

// Of the gateway that --admin, --pid or $SLUICE_ADMIN names, else of the only one of this user that answers. Nothing: none was named and
// none runs. Problem: the one meant does not answer or cannot tell (an older one), or several run and none was named.
Result<std::optional<PluginList>, Problem> ask_loaded(const AdminFlags&);

}  // namespace sluice::app
