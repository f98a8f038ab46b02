/* Dies when it is asked for its table. */
#define MAPPED_ID "misbehaving.crashes-when-asked"
#define MAPPED_NAME "misbehaving/crashes-when-asked"
#define WHEN_OPENED (void)0
#define WHEN_ASKED signal(SIGABRT, SIG_DFL), raise(SIGABRT)
#include "mapped.h"
