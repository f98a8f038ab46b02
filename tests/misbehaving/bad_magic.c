/* The entry does not begin with SLC_ABI_MAGIC: something else that happens to have the symbol. */
#include "fixture.h"

const slc_entry SLC_ENTRY_SYMBOL = {.magic = 0x12345678u, .size = sizeof(slc_entry)};
