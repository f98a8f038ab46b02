/* Writes over the line on which a describing process talks to its gateway. */
#define MAPPED_ID "misbehaving.babbles-when-opened"
#define MAPPED_NAME "misbehaving/babbles-when-opened"
#define WHEN_OPENED if (write(3, "\xff\xff\xff\xff\xff\xff\xff\xff", 8) < 0) _exit(3)
#define WHEN_ASKED (void)0
#include "mapped.h"
