/* Built for an ABI whose entry may look quite different: only magic, size and version may be read. */
#include "fixture.h"

const slc_entry SLC_ENTRY_SYMBOL = {.magic = SLC_ABI_MAGIC, .size = sizeof(slc_entry), .abi_major = SLC_ABI_MAJOR + 7,
                                    .abi_minor = 3, .id = (const char*)8};
