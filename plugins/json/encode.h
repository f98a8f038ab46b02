// Documents → client bodies (pipeline.md §8 and §8.1, deviation 31).
#pragma once
#include "host.h"

namespace sluice::json {

// Writes `data` into the response body; an absent node is null. SLC_ENOMEM or what append_body answered.
slc_status encode(slc_exchange*, slc_node data);

}  // namespace sluice::json
