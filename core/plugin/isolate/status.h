// The helper processes as they are now, for `sluice status` and the admin socket. [any]
#pragma once
#include <string>

namespace sluice::plugin::isolate {

// [{"plugin": "acme.geoip", "file": "plugins/geoip.so (acme.geoip 1.2.0)", "timeout_ms": 1000, "helpers": [{"state": "up", "pid": 4711,
// "up_s": 12.5, "deaths": 1, "restarts": 1, "last_death": "SIGSEGV (Segmentation fault) in on_request"}]}]; empty: nothing is isolated.
// State: starting, up, pausing (then "again_in_ms"), refused, ending. While a replaced configuration drains, a plugin is listed for
// each of the two.
std::string status_json();

}  // namespace sluice::plugin::isolate
