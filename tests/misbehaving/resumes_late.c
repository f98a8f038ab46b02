/* Resumes after the exchange is over, and with a token it has invented: both do nothing. */
#include "suspending.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state;
  slc_token* token = (slc_token*)exchange->alloc(x, sizeof *token, 8);
  *token = loop->suspend(x);
  *slot = token;
  return SLC_PENDING; /* nobody resumes: the endpoint's time-out ends it */
}
static void late(void* user) {
  loop->resume((slc_token)(uintptr_t)user, SLC_NEXT);
  loop->resume(0, SLC_NEXT);
  loop->resume(0xdeadbeefdeadbeefu, SLC_REPLY);
}
static void on_done(void* state, slc_exchange* x, void** slot) {
  (void)state;
  loop->post(exchange->worker(x), late, (void*)(uintptr_t)*(slc_token*)*slot);
}
SUSPENDING_PLUGIN("misbehaving.resumes-late", "misbehaving/resumes-late", on_request, NULL, on_done)
