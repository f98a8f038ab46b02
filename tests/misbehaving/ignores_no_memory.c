/* Writes to what alloc() answered without looking whether it is NULL. */
#include "suspending.h"

static slc_action on_request(void* state, slc_exchange* x, void** slot) {
  (void)state, (void)&tell;
  char* text = (char*)exchange->alloc(x, 16, 1);
  memset(text, 'x', 16);
  *slot = text;
  return SLC_NEXT;
}
SUSPENDING_PLUGIN("misbehaving.ignores-no-memory", "misbehaving/ignores-no-memory", on_request, NULL, NULL)
