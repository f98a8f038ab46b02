/* fixture.c with the note of 1.0, whose bytes are recorded in compilers_test.cc. Never changed. */
#include "fixture.c"

#include "note.h"

SLC_PLUGIN_NOTE("test.frozen", "1.0.0", "C", SLC_BUILD_FLAGS, SLC_NOTE_BINDING("test/frozen", SLC_IFACE_MIDDLEWARE, SLC_AT_ENDPOINT))
