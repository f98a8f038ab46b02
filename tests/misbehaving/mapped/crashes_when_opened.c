/* A static constructor that dies; the sanitizers' own handlers stay silent. */
#define MAPPED_ID "misbehaving.crashes-when-opened"
#define MAPPED_NAME "misbehaving/crashes-when-opened"
#define WHEN_OPENED signal(SIGSEGV, SIG_DFL), raise(SIGSEGV)
#define WHEN_ASKED (void)0
#include "mapped.h"
