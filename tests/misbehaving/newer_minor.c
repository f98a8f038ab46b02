/* Needs a later minor version than the host offers. */
#include "fixture.h"

const slc_entry SLC_ENTRY_SYMBOL = {.magic = SLC_ABI_MAGIC, .size = sizeof(slc_entry), .abi_major = SLC_ABI_MAJOR,
                                    .abi_minor = SLC_ABI_MINOR + 1, .id = "misbehaving.newer-minor", .version = "1.0.0"};
