/* Resumes inside the hook, then once more: the second answer is SLC_ESTALE, and it is the first that counts. */
#include "suspending.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state;
  slc_token token = loop->suspend(x);
  loop->resume(token, SLC_NEXT);
  *slot = loop->resume(token, SLC_FAIL) == SLC_ESTALE ? (void*)1 : NULL;
  return SLC_PENDING;
}
static slc_action on_response(void* state, slc_exchange* x, void** slot) {
  (void)state;
  tell(x, STR("x-second-resume"), *slot ? SLC_ESTALE : SLC_OK);
  return SLC_NEXT;
}
SUSPENDING_PLUGIN("misbehaving.resumes-twice", "misbehaving/resumes-twice", on_request, on_response, NULL)
