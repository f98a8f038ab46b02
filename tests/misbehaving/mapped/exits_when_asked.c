/* Ends the process when it is asked for its table. */
#define MAPPED_ID "misbehaving.exits-when-asked"
#define MAPPED_NAME "misbehaving/exits-when-asked"
#define WHEN_OPENED (void)0
#define WHEN_ASKED _exit(3)
#include "mapped.h"
