/* Believes the state that it is given: another version of it, which wrote something else, makes this one crash. */
#include "state.h"

static slc_status export_state(void* object, slc_status (*write)(void* to, slc_str bytes), void* to) {
  /* Its length in front, as text. */
  char head[8] = {(char)('0' + strlen(((named*)object)->text)), ' '};
  slc_status status = write(to, (slc_str){head, 2});
  return status == SLC_OK ? write(to, (slc_str){((named*)object)->text, strlen(((named*)object)->text)}) : status;
}
static slc_status import_state(void* object, slc_str bytes) {
  (void)object;
  if (bytes.len < 1 || bytes.ptr[0] < '0' || bytes.ptr[0] > '9') abort(); /* "cannot be" */
  return SLC_OK;
}
STATE_PLUGIN("misbehaving.trusts-state", "misbehaving/trusts-state", export_state, import_state)
