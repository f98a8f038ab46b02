/* A static constructor that does not return. */
#define MAPPED_ID "misbehaving.hangs-when-opened"
#define MAPPED_NAME "misbehaving/hangs-when-opened"
#define WHEN_OPENED for (;;) pause()
#define WHEN_ASKED (void)0
#include "mapped.h"
