/* Resumes from a thread of its own, as fast as it can: allowed. Twice: the second is refused there and then. */
#include <pthread.h>

#include "suspending.h"

static void* run(void* user) {
  slc_token token = (slc_token)(uintptr_t)user;
  loop->resume(token, SLC_NEXT);
  loop->resume(token, SLC_FAIL);
  return NULL;
}
static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)slot;
  pthread_t thread;
  slc_token token = loop->suspend(x);
  if (pthread_create(&thread, NULL, run, (void*)(uintptr_t)token) != 0) return SLC_FAIL;
  pthread_detach(thread);
  return SLC_PENDING;
}
SUSPENDING_PLUGIN("misbehaving.resumes-from-thread", "misbehaving/resumes-from-thread", on_request, NULL, NULL)
