/* Writes a state that it does not understand itself: every reload loses it, and says so in the log. */
#include "state.h"

static slc_status export_state(void* object, slc_status (*write)(void* to, slc_str bytes), void* to) {
  return write(to, (slc_str){((named*)object)->text, strlen(((named*)object)->text)});
}
/* As long as its memory, it thinks; what was written is as long as the text. */
static slc_status import_state(void* object, slc_str bytes) {
  if (bytes.len != sizeof(named)) return SLC_EINVAL;
  memcpy(object, bytes.ptr, sizeof(named) - 1);
  return SLC_OK;
}
STATE_PLUGIN("misbehaving.state-not-taken", "misbehaving/state-not-taken", export_state, import_state)
