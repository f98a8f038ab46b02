/* Suspends and forgets: the endpoint's time-out ends the exchange, on_done runs. */
#include "suspending.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  loop->suspend(x);
  return SLC_PENDING;
}
SUSPENDING_PLUGIN("misbehaving.never-resumes", "misbehaving/never-resumes", on_request, NULL, NULL)
