// Name resolution without a worker (slc_dns_api.lookup_background): a thread of its own that runs a loop and a resolver, begun
// by the first lookup. Answers are given on the pool, so that a slow callback holds up no other lookup.
#pragma once
#include "sluice/plugin.h"

namespace sluice::plugin::background_dns {

// As slc_dns_api.lookup_background; the query has been checked. [any]
slc_status lookup(const slc_host*, const slc_dns_query&, slc_dns_fn, void* user, slc_token*);
// Whether that thread is there; it lives as long as the process. [any]
bool running();

}  // namespace sluice::plugin::background_dns
