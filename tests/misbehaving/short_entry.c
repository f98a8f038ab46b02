/* Says that its entry ends before the fields that the host needs. */
#include "fixture.h"

const slc_entry SLC_ENTRY_SYMBOL = {.magic = SLC_ABI_MAGIC, .size = 40, .abi_major = SLC_ABI_MAJOR,
                                    .abi_minor = SLC_ABI_MINOR, .id = "misbehaving.short-entry", .version = "1.0.0"};
